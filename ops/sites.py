"""The site file: which Jaeger, which Prometheus, which services a site has.

`docs/configuration.md` describes the file for people, `sites.example.toml` is one. `load`
reads all of it and reports everything that is wrong at once, by table and key. Secrets
stand in the environment; the file names the variable: `{ env = "JAEGER_TOKEN" }`.
"""

import os
import re
import ssl
import tomllib
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings

from ops import timerange
from ops.errors import InvalidInput, NotFound, did_you_mean

_ADDRESS = re.compile(r"(?:\[[0-9A-Fa-f:.]+\]|[^\s:/\[\]]+):(\d{1,5})")
_HEADER = re.compile(r"[A-Za-z0-9._-]+")
_HEADER_VALUE = re.compile(r"[!-~](?:[ -~]*[!-~])?")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}")


class SiteFileError(Exception):
    """The site file cannot be used; `problems` has a sentence for each thing to mend."""

    def __init__(self, path: Path, problems: list[str]) -> None:
        super().__init__(f"{path}: " + "; ".join(problems))
        self.path = path
        self.problems = problems


@dataclass(frozen=True, slots=True)
class Tls:
    """How to speak TLS; files are PEM. Without `ca` the system's roots are trusted."""

    ca: str = ""
    certificate: str = ""
    key: str = ""


@dataclass(frozen=True, slots=True)
class JaegerSource:
    """A Jaeger query service: gRPC address (host:port), its UI's public URL ("" if none)."""

    address: str
    ui: str = ""
    tls: Tls | None = None
    headers: Mapping[str, str] = field(default_factory=dict, repr=False, hash=False)
    timeout: int = 10 * timerange.SECOND
    largest_message: int = 256 * 1024 * 1024
    tag_values: str = "exact"


@dataclass(frozen=True, slots=True)
class PrometheusSource:
    """One Prometheus (or what speaks its API) at a URL, prefix included, no slash at the end."""

    name: str
    url: str
    headers: Mapping[str, str] = field(default_factory=dict, repr=False, hash=False)
    ca: str = ""
    timeout: int = 10 * timerange.SECOND


@dataclass(frozen=True, slots=True)
class Service:
    """One service of a site.

    `instances` are gRPC addresses; `dns` is a host:port that resolves to all of them; one of
    the two is empty. `version` is the PromQL that yields a series an instance, with the
    version in `version_label` and the instance in `instance_label`. `requests` (per second),
    `failing` (a share, 0 to 1) and `p95` (seconds) are PromQL or "". `alerts` are the labels
    that make an alert this service's. `prometheus` names the source that is asked.
    """

    name: str
    jaeger_name: str
    instances: tuple[str, ...] = ()
    dns: str = ""
    tls: Tls | None = None
    prometheus: str = ""
    version: str = ""
    version_label: str = "version"
    instance_label: str = "instance"
    requests: str = ""
    failing: str = ""
    p95: str = ""
    alerts: Mapping[str, str] = field(default_factory=dict, hash=False)


@dataclass(frozen=True, slots=True)
class Site:
    """One environment: its backends and services."""

    name: str
    jaeger: JaegerSource | None
    prometheus: tuple[PrometheusSource, ...]
    services: Mapping[str, Service] = field(hash=False)
    default_service: str

    def service(self, name: str = "") -> Service:
        """Return the named service, the default one for ""; raises NotFound or InvalidInput."""
        if not name and not self.default_service:
            raise InvalidInput(
                f'say which service of site "{self.name}" is meant: '
                + (", ".join(self.services) or "the site file has none")
            )
        try:
            return self.services[name or self.default_service]
        except KeyError:
            raise NotFound(
                f'site "{self.name}" has no service "{name}"'
                + (did_you_mean(name, self.services) or f"; it has {', '.join(self.services)}")
            ) from None

    def source(self, service: Service) -> PrometheusSource:
        """Return the Prometheus that knows the service; raises NotFound when there is none."""
        for source in self.prometheus:
            if service.prometheus in ("", source.name):
                return source
        raise NotFound(f'site "{self.name}" has no Prometheus for service "{service.name}"')


@dataclass(frozen=True, slots=True)
class Sites:
    """All sites of the file, in its order."""

    all: Mapping[str, Site]
    default: str

    def site(self, name: str = "") -> Site:
        """Return the named site, the default one for ""; raises NotFound."""
        try:
            return self.all[name or self.default]
        except KeyError:
            raise NotFound(
                f'there is no site "{name}"'
                + (did_you_mean(name, self.all) or f"; there is {', '.join(self.all)}")
            ) from None


def sites() -> Sites:
    """Return the sites of the file that settings.SITES_FILE names, read once.

    Raises SiteFileError.
    """
    return load(Path(settings.SITES_FILE))


@lru_cache(maxsize=8)
def load(path: Path) -> Sites:
    """Read a site file; raises SiteFileError with every problem in it."""
    try:
        tables = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        hint = "there is no such file; start from sites.example.toml"
        raise SiteFileError(path, [f"{hint} and name it in OPSPORTAL_SITES"]) from None
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise SiteFileError(path, [f"cannot be read as TOML: {error}"]) from None
    problems: list[str] = []
    found = _sites(_Table(tables, "", problems))
    if problems:
        raise SiteFileError(path, problems)
    return found


class _Table:
    """A table of the file whose keys are taken one by one; what is left over is a problem."""

    def __init__(self, values: dict[str, Any], name: str, problems: list[str]) -> None:
        self.values = dict(values)
        self.name = name
        self.problems = problems
        self.known: list[str] = []

    def problem(self, key: str, sentence: str) -> None:
        where = f"[{self.name}] " if self.name else ""
        self.problems.append(f"{where}{key}: {sentence}")

    def take(self, key: str, kind: type | tuple[type, ...], form: str, default: Any) -> Any:
        kinds = kind if isinstance(kind, tuple) else (kind,)
        self.known.append(key)
        value = self.values.pop(key, None)
        if value is None:
            if default is ...:
                self.problem(key, f"is missing; it is {form}")
            return default
        # To Python a bool is an int too.
        if not isinstance(value, kinds) or (isinstance(value, bool) and bool not in kinds):
            self.problem(key, f"is {value!r}; it is {form}")
            return default
        return value

    def text(self, key: str, form: str, default: Any = "") -> str:
        value = self.take(key, str, form, default)
        return value if isinstance(value, str) else ""

    def address(self, key: str, default: Any = "") -> str:
        value = self.text(key, "host:port", default)
        return value if not value or self._is_address(key, value) else ""

    def addresses(self, key: str) -> tuple[str, ...]:
        values = self.take(key, list, 'a list of addresses, ["host:port", …]', [])
        if twice := [value for value in values if values.count(value) > 1]:
            self.problem(key, f'has "{twice[0]}" twice')
        return tuple(
            value for value in values if self._is_text(key, value) and self._is_address(key, value)
        )

    def _is_text(self, key: str, value: object) -> bool:
        if not isinstance(value, str):
            self.problem(key, f'has {value!r}; it is a list of addresses, ["host:port", …]')
        return isinstance(value, str)

    def _is_address(self, key: str, value: str) -> bool:
        match = _ADDRESS.fullmatch(value)
        if match is None or not 0 < int(match[1]) < 65536:
            self.problem(key, f'is "{value}"; it is host:port without a scheme')
            return False
        return True

    def url(self, key: str, default: Any = "") -> str:
        value = self.text(key, "an http:// or https:// URL", default)
        try:
            parts = urlsplit(value)
            usable = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
        except ValueError:  # brackets without an IPv6 address, a port above 65535
            usable = False
        if value and not usable:
            self.problem(key, f'is "{value}"; it is an http:// or https:// URL')
            return ""
        if parts.username or parts.password:
            self.problem(key, "has a password in it; use username and password = { env = … }")
        return value.rstrip("/")

    def duration(self, key: str, default: int) -> int:
        text = self.text(key, f'a duration in quotes, such as "{timerange.format_exact(default)}"')
        try:
            return timerange.parse_duration(text) if text else default
        except InvalidInput as error:
            self.problem(key, str(error))
            return default

    def file(self, key: str) -> str:
        path = self.text(key, "the path of a PEM file")
        if path and not Path(path).is_file():
            self.problem(key, f'there is no file "{path}"; it is the path of a PEM file')
            return ""
        return path

    def secret(self, key: str) -> str:
        """A value that stands in the environment: `key = { env = "NAME" }`."""
        value = self.take(key, dict, '{ env = "NAME" }, never the secret itself', None)
        return self._from_environment(key, value) if value is not None else ""

    def _from_environment(self, key: str, value: dict[str, Any]) -> str:
        name = value.get("env")
        if not isinstance(name, str) or set(value) != {"env"}:
            self.problem(key, 'it is { env = "NAME" }')
            return ""
        if not os.environ.get(name):
            missing = "is empty" if name in os.environ else "is not set"
            self.problem(key, f"the environment variable {name} {missing}")
        return os.environ.get(name, "")

    def headers(self) -> dict[str, str]:
        found = {}
        for name, value in self.take("headers", dict, "a table of texts", {}).items():
            key = f"headers.{name}"
            if not _HEADER.fullmatch(name) or name.lower().endswith("-bin"):
                self.problem(key, "its name must be of letters, digits, . _ - and not end in -bin")
            if isinstance(value, dict):
                found[name] = self.header_value(key, self._from_environment(key, value))
            elif isinstance(value, str):
                found[name] = self.header_value(key, value)
            else:
                self.problem(key, 'it is a text or { env = "NAME" }')
        return found

    def header_value(self, key: str, value: str) -> str:
        """Return a value that may be a secret, so that a problem must not show it."""
        if value and not _HEADER_VALUE.fullmatch(value):
            self.problem(key, "has a line break, an outer space or another sign no header can have")
        return value

    def tls(self) -> Tls | None:
        value = self.take("tls", (bool, dict), "true, or a table with ca, certificate, key", False)
        if isinstance(value, bool):
            return Tls() if value else None
        table = _Table(value, f"{self.name}.tls", self.problems)
        tls = Tls(table.authority("ca"), table.file("certificate"), table.file("key"))
        if ("certificate" in value) != ("key" in value):
            table.problem("certificate", "and key belong together; give both or neither")
        elif tls.certificate and tls.key:
            table.check_pair(tls)
        table.done()
        return tls

    def authority(self, key: str) -> str:
        path = self.file(key)
        try:
            if path:
                ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(path)
        except OSError:
            self.problem(key, f'there is no certificate in "{path}"; it is the path of a PEM file')
        return path

    def check_pair(self, tls: Tls) -> None:
        try:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            context.load_cert_chain(tls.certificate, tls.key, password=lambda: "")
        except OSError:
            self.problem("certificate", "and key are not a certificate and its open key in PEM")

    def table(self, key: str) -> "_Table | None":
        value = self.take(key, dict, "a table", None)
        return None if value is None else _Table(value, self._below(key), self.problems)

    def tables(self, key: str) -> "list[_Table]":
        value = self.take(key, (dict, list), "one table or several", [])
        items = [value] if isinstance(value, dict) else value
        if not all(isinstance(item, dict) for item in items):
            self.problem(key, f"it is one table or several, [[{self._below(key)}]]")
            return []
        return [_Table(item, self._below(key), self.problems) for item in items]

    def named(self, key: str) -> "dict[str, _Table]":
        value = self.take(key, dict, f"tables, [{self._below(key)}.NAME]", {})
        found = {}
        for name, item in value.items():
            if not isinstance(item, dict) or not _NAME.fullmatch(name):
                self.problem(
                    f"{key}.{name}",
                    f"it is a table [{self._below(key)}.NAME], the name of letters, digits, . _ -",
                )
            else:
                found[name] = _Table(item, f"{self._below(key)}.{name}", self.problems)
        return found

    def choice(self, key: str, choices: tuple[str, ...]) -> str:
        value = self.text(key, " or ".join(choices), choices[0])
        if value not in choices:
            self.problem(key, f'is "{value}"; it is {" or ".join(choices)}')
        return value

    def done(self) -> None:
        for key in self.values:
            self.problem(
                key, "is not a key of this table" + (did_you_mean(key, self.known) or "; remove it")
            )

    def _below(self, key: str) -> str:
        return f"{self.name}.{key}" if self.name else key


def _sites(root: _Table) -> Sites:
    found = {name: _site(name, table) for name, table in root.named("sites").items()}
    default = root.text("default_site", "the name of one of the sites", next(iter(found), ""))
    if not found and not root.problems:
        root.problem("sites", "is missing; write a table [sites.NAME] for each site")
    elif found and default not in found:
        root.problem("default_site", f'is "{default}"; it is one of {", ".join(found)}')
    root.done()
    return Sites(all=found, default=default)


def _site(name: str, table: _Table) -> Site:
    jaeger = table.table("jaeger")
    source = _jaeger(jaeger) if jaeger else None
    prometheus = tuple(_prometheus(item) for item in table.tables("prometheus"))
    names = [item.name for item in prometheus]
    if len(set(names)) != len(names):
        table.problem("prometheus", "several sources have one name; give each its own")
    services = {key: _service(key, item, names) for key, item in table.named("services").items()}
    only = next(iter(services)) if len(services) == 1 else ""
    default = table.text("default_service", "the name of one of the site's services", only)
    if default and default not in services:
        table.problem("default_service", f'is "{default}"; it is one of {", ".join(services)}')
    table.done()
    return Site(name, source, prometheus, services, default)


def _jaeger(table: _Table) -> JaegerSource:
    source = JaegerSource(
        address=table.address("address", ...),
        ui=table.url("ui"),
        tls=table.tls(),
        headers={key.lower(): value for key, value in table.headers().items()},
        timeout=table.duration("timeout", 10 * timerange.SECOND),
        largest_message=_megabytes(table),
        tag_values=table.choice("tag_values", ("exact", "regex")),
    )
    table.done()
    return source


def _megabytes(table: _Table) -> int:
    megabytes = table.take("largest_message_mib", int, "a number of MiB from 4 to 2047", 256)
    if not 4 <= megabytes <= 2047:
        table.problem("largest_message_mib", f"is {megabytes}; it goes from 4 to 2047")
    return int(megabytes) * 1024 * 1024


def _prometheus(table: _Table) -> PrometheusSource:
    url = table.url("url", ...)
    headers = table.headers()
    token = table.header_value("bearer_token", table.secret("bearer_token"))
    username, password = table.text("username", "a text"), table.secret("password")
    if token and username:
        table.problem("bearer_token", "and username exclude each other; give one of them")
    if password and not username:
        table.problem("password", "needs a username beside it")
    if token:
        headers["Authorization"] = f"Bearer {token}"
    if username:
        headers["Authorization"] = _basic(username, password)
    source = PrometheusSource(
        name=table.text("name", "a text", urlsplit(url).hostname or "prometheus"),
        url=url,
        headers=headers,
        ca=table.authority("ca"),
        timeout=table.duration("timeout", 10 * timerange.SECOND),
    )
    table.done()
    return source


def _basic(username: str, password: str) -> str:
    return "Basic " + b64encode(f"{username}:{password}".encode()).decode()


def _service(name: str, table: _Table, sources: list[str]) -> Service:
    service = Service(
        name=name,
        jaeger_name=table.text("jaeger_name", "the service's name in Jaeger", name),
        instances=table.addresses("instances"),
        dns=table.address("dns"),
        tls=table.tls(),
        prometheus=table.text("prometheus", "the name of a Prometheus source"),
        version=table.text("version", "PromQL"),
        version_label=table.text("version_label", "a label", "version"),
        instance_label=table.text("instance_label", "a label", "instance"),
        requests=table.text("requests", "PromQL for requests per second"),
        failing=table.text("failing", "PromQL for the failing share, 0 to 1"),
        p95=table.text("p95", "PromQL for the 95th percentile in seconds"),
        alerts=_labels(table, name),
    )
    if service.instances and service.dns:
        table.problem("dns", "and instances exclude each other; give one of them")
    if service.prometheus and service.prometheus not in sources:
        table.problem("prometheus", f'is "{service.prometheus}"; sources: {", ".join(sources)}')
    table.done()
    return service


def _labels(table: _Table, name: str) -> Mapping[str, str]:
    labels = table.take("alerts", dict, '{ label = "value" }', {"job": name})
    if not all(isinstance(value, str) for value in labels.values()):
        table.problem("alerts", 'it is { label = "value" }')
        return {}
    return dict(labels)
