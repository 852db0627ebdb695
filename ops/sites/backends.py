"""A site's backends: how its Jaeger, Prometheus servers and Alertmanagers are reached."""

import ssl
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from ops.toml_file import Table
from ops.vocabulary import timerange


@dataclass(frozen=True, slots=True)
class Tls:
    """TLS settings; files are PEM. Without `ca` the system's roots are trusted."""

    ca: str = ""
    certificate: str = ""
    key: str = ""


@dataclass(frozen=True, slots=True)
class JaegerSource:
    """A Jaeger query service: its gRPC address (host:port) and its UI's public URL (or "")."""

    address: str
    ui: str = ""
    tls: Tls | None = None
    headers: Mapping[str, str] = field(default_factory=dict, repr=False, hash=False)
    timeout: int = 10 * timerange.SECOND
    largest_message: int = 256 * 1024 * 1024
    tag_values: str = "exact"


@dataclass(frozen=True, slots=True)
class RestSource:
    """A server with a REST API at a URL, with path prefix, without trailing slash.

    `ui` is the public URL of its pages, "" if it is the same.
    """

    name: str
    url: str
    ui: str = ""
    headers: Mapping[str, str] = field(default_factory=dict, repr=False, hash=False)
    ca: str = ""
    timeout: int = 10 * timerange.SECOND
    largest_answer: int = 32 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class PrometheusSource(RestSource):
    """A Prometheus, or a compatible server.

    `rules` is False for one that has
    none: it is asked for alerts only. Sources with the same `pair` are copies of each other: their
    alerts are one, without the `replica_labels`.
    """

    rules: bool = True
    pair: str = ""
    replica_labels: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class AlertmanagerSource(RestSource):
    """An Alertmanager; several of a site are one cluster."""


def jaeger_of(table: Table) -> JaegerSource:
    """Read the table `[sites.NAME.jaeger]`."""
    source = JaegerSource(
        address=table.address("address", ...),
        ui=table.url("ui"),
        tls=tls_of(table),
        headers={key.lower(): value for key, value in table.headers().items()},
        timeout=table.duration("timeout", 10 * timerange.SECOND),
        largest_message=_megabytes(table, "largest_message_mib", 4, 2047, 256),
        tag_values=table.choice("tag_values", ("exact", "regex")),
    )
    table.done()
    return source


def prometheus_of(table: Table) -> PrometheusSource:
    """Read a table `[[sites.NAME.prometheus]]`."""
    source = PrometheusSource(
        **_reached(table),
        rules=table.take("rules", bool, "true or false", True),
        pair=table.text("pair", "a string"),
        replica_labels=table.texts("replica_labels", "a list of label names"),
    )
    table.done()
    return source


def alertmanager_of(table: Table) -> AlertmanagerSource:
    """Read a table `[[sites.NAME.alertmanager]]`."""
    source = AlertmanagerSource(**_reached(table))
    table.done()
    return source


def _reached(table: Table) -> dict[str, Any]:
    """Read how a REST backend is reached; the keys are the same for all of them."""
    url = table.url("url", ...)
    headers = table.headers()
    token = table.header_value("bearer_token", table.secret("bearer_token"))
    username, password = table.text("username", "a string"), table.secret("password")
    if token and username:
        table.problem("bearer_token", "and username cannot be combined; set one of them")
    if password and not username:
        table.problem("password", "requires a username")
    if token:
        headers["Authorization"] = f"Bearer {token}"
    if username:
        headers["Authorization"] = _basic(username, password)
    return {
        "name": table.text("name", "a string", urlsplit(url).hostname or table.name),
        "url": url,
        "ui": table.url("ui"),
        "headers": headers,
        "ca": table.authority("ca"),
        "timeout": table.duration("timeout", 10 * timerange.SECOND),
        "largest_answer": _megabytes(table, "largest_answer_mib", 1, 1024, 32),
    }


def _basic(username: str, password: str) -> str:
    return "Basic " + b64encode(f"{username}:{password}".encode()).decode()


def tls_of(table: Table) -> Tls | None:
    """Read the key `tls`, None for plaintext."""
    below = table.switch_or_table("tls", "true, or a table with ca, certificate, key")
    if isinstance(below, bool):
        return Tls() if below else None
    given = set(below.values)
    tls = Tls(below.authority("ca"), below.file("certificate"), below.file("key"))
    if ("certificate" in given) != ("key" in given):
        below.problem("certificate", "and key belong together; set both or neither")
    elif tls.certificate and tls.key and not _is_pair(tls):
        below.problem("certificate", "and key are not a PEM certificate and its unencrypted key")
    below.done()
    return tls


def _is_pair(tls: Tls) -> bool:
    try:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.load_cert_chain(tls.certificate, tls.key, password=lambda: "")
    except OSError:
        return False
    return True


def _megabytes(table: Table, key: str, least: int, most: int, default: int) -> int:
    megabytes = table.take(key, int, f"a number of MiB from {least} to {most}", default)
    if not least <= megabytes <= most:
        table.problem(key, f"is {megabytes}; it must be between {least} and {most}")
    return int(megabytes) * 1024 * 1024
