"""The site file: which Jaeger, which Prometheus sources and which services a site has.

`docs/configuration.md` describes the file for users; `sites.example.toml` is an example. `load`
reads the whole file and reports every problem in it together, by table and key. Secrets are in
the environment; the file names the variable: `{ env = "JAEGER_TOKEN" }`.
"""

import ssl
import tomllib
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings

from ops.errors import InvalidInput, NotFound, did_you_mean
from ops.site_sampling import NOT_PUSHED, Remote, ceiling_of, policy_of, port_of, remote_of, ways_of
from ops.site_subscriptions import FixedSubscription, subscription_of
from ops.toml_file import Table
from ops.vocabulary import timerange
from ops.vocabulary.policies import Policy

# The names that kube-prometheus and others use.
WATCHDOGS = ("Watchdog", "DeadMansSwitch")
QUIET = ("InfoInhibitor",)
MANY_SILENCED = 20  # alerts


class SiteFileError(Exception):
    """The site file cannot be used; `problems` has one sentence per problem."""

    def __init__(self, path: Path, problems: list[str]) -> None:
        super().__init__(f"{path}: " + "; ".join(problems))
        self.path = path
        self.problems = problems


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


@dataclass(frozen=True, slots=True)
class Service:
    """One service of a site.

    `instances` are gRPC addresses; `dns` is a host:port that resolves to all of them;
    `targets_port` is their port on the hosts that Prometheus scrapes. At most one of these is set.
    `version` is a PromQL query that returns one series per instance, with the
    version in `version_label` and the instance in `instance_label`; with `conventions`, the
    site file sets none and the version is looked for in the usual metrics. `expected` is PromQL
    for the number of instances, `targets` for one series per instance: 1 if it answers, 0 if it
    is down. A rollout longer than `rollout_within` nanoseconds is stuck; 0 means no limit.
    `requests` (per second), `failing` (a share, 0 to 1) and `p95` (seconds) are PromQL or "".
    `alerts` are the labels that an alert of this service has. `prometheus` names the source to
    query, `table` is the service's table in the site file.

    `shared` names the queries that the site defines for all of its services: of their results,
    the series with the labels in `alerts` belong to this service.

    `sampling` is the policy that is in force unless somebody changes it, None if the file says
    nothing about it. A change that may let through more than `sampling_ceiling` traces a second
    needs a second person; None means no limit. `sampling_ways` are the only ways in which its
    instances get their sampling ("push", "remote", "opamp"); () means whichever they use.
    """

    name: str
    jaeger_name: str
    instances: tuple[str, ...] = ()
    dns: str = ""
    targets_port: int = 0
    tls: Tls | None = None
    prometheus: str = ""
    version: str = ""
    version_label: str = "version"
    instance_label: str = "instance"
    conventions: bool = False
    expected: str = ""
    targets: str = ""
    rollout_within: int = 0
    requests: str = ""
    failing: str = ""
    p95: str = ""
    alerts: Mapping[str, str] = field(default_factory=dict, hash=False)
    shared: frozenset[str] = frozenset()
    sampling: Policy | None = None
    sampling_ceiling: float | None = None
    sampling_ways: tuple[str, ...] = ()
    table: str = field(default="", compare=False)

    @property
    def shows_version(self) -> bool:
        """Whether there is anything to ask for its version."""
        return bool(self.version) or self.conventions

    @property
    def is_pushed(self) -> bool:
        """Whether its instances are sent each change of sampling."""
        return self.may_use("push") and bool(self.instances or self.dns or self.targets_port)

    def may_use(self, way: str) -> bool:
        """Return whether its instances may get their sampling in this way."""
        return not self.sampling_ways or way in self.sampling_ways


@dataclass(frozen=True, slots=True)
class Site:
    """One environment: its backends and services.

    `change_now` lets the bot apply a change immediately, without a card that asks first.
    `watchdogs` are the alerts that are firing as long as alerting works, `quiet` those that come
    and go by design; neither is listed unless someone asks for it. `names_watchdogs` means that
    the site file names them, so that each must have a rule. `remote` is None if services cannot
    ask for their sampling. `alertmanager` are the instances of one Alertmanager.
    A silence that hides more alerts than `silence_confirm_above` must be confirmed.
    `subscriptions` are the channels that always hear of alerts.
    """

    name: str
    jaeger: JaegerSource | None
    prometheus: tuple[PrometheusSource, ...]
    services: Mapping[str, Service] = field(hash=False)
    default_service: str
    change_now: bool = False
    watchdogs: tuple[str, ...] = WATCHDOGS
    quiet: tuple[str, ...] = QUIET
    names_watchdogs: bool = False
    remote: Remote | None = None
    alertmanager: tuple[AlertmanagerSource, ...] = ()
    silence_confirm_above: int = MANY_SILENCED
    subscriptions: tuple[FixedSubscription, ...] = ()

    @property
    def unlisted(self) -> frozenset[str]:
        """The names of the alerts that are not listed unless someone asks for them."""
        return frozenset((*self.watchdogs, *self.quiet))

    def services_of(self, labels: Mapping[str, str]) -> list[Service]:
        """Return the services that an alert with these labels is about."""
        having = labels.items()
        return [
            each for each in self.services.values() if each.alerts and each.alerts.items() <= having
        ]

    def service(self, name: str = "") -> Service:
        """Return the named service, or the default for ""; raises NotFound or InvalidInput."""
        if not name and not self.default_service:
            raise InvalidInput(
                f'choose a service of site "{self.name}": '
                + (", ".join(self.services) or "the site file has none")
            )
        try:
            return self.services[name or self.default_service]
        except KeyError:
            raise NotFound(
                f'site "{self.name}" has no service "{name[:80]}"'
                + (did_you_mean(name, self.services) or f"; it has {', '.join(self.services)}")
            ) from None

    def services_like(self, part: str) -> "list[Service]":
        """Return the services whose names contain `part`, ignoring case; all for ""."""
        small = part.lower()
        return [each for each in self.services.values() if small in each.name.lower()]

    def source(self, service: Service) -> PrometheusSource:
        """Return the service's Prometheus source; raises NotFound if there is none."""
        for source in self.prometheus:
            if service.prometheus in ("", source.name):
                return source
        raise NotFound(f'site "{self.name}" has no Prometheus for service "{service.name}"')

    def alertmanager_named(self, name: str) -> AlertmanagerSource:
        """Return the Alertmanager with a name that the site surely has."""
        return next(source for source in self.alertmanager if source.name == name)

    def prometheus_named(self, name: str) -> PrometheusSource:
        """Return the source with a name that the site surely has."""
        return next(source for source in self.prometheus if source.name == name)

    def twins(self, source: PrometheusSource) -> "list[PrometheusSource]":
        """Return the other sources of its pair, which can answer in its place."""
        same = [each for each in self.prometheus if source.pair and each.pair == source.pair]
        return [each for each in same if each != source]


@dataclass(frozen=True, slots=True)
class Sites:
    """All sites of the file, in the file's order."""

    all: Mapping[str, Site]
    default: str

    def site(self, name: str = "") -> Site:
        """Return the named site, or the default for ""; raises NotFound."""
        try:
            return self.all[name or self.default]
        except KeyError:
            raise NotFound(
                f'there is no site "{name[:80]}"'
                + (did_you_mean(name, self.all) or f"; sites: {', '.join(self.all)}")
            ) from None


def sites() -> Sites:
    """Return the sites of the file in settings.SITES_FILE, which is read once.

    Raises SiteFileError.
    """
    return _of(settings.SITES_FILE)


@lru_cache(maxsize=8)
def _of(file: str | Path) -> Sites:
    return load(Path(file))


def load(path: Path) -> Sites:
    """Read a site file; raises SiteFileError with every problem in it."""
    try:
        tables = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        hint = "the file does not exist; copy sites.example.toml"
        raise SiteFileError(path, [f"{hint} and set OPSPORTAL_SITES to its path"]) from None
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise SiteFileError(path, [f"is not valid TOML: {error}"]) from None
    problems: list[str] = []
    found = _sites(Table(tables, "", problems))
    if problems:
        raise SiteFileError(path, problems)
    return found


def _sites(root: Table) -> Sites:
    found = {name: _site(name, table) for name, table in root.named("sites").items()}
    default = root.text("default_site", "the name of one of the sites", next(iter(found), ""))
    if not found and not root.problems:
        root.problem("sites", "is missing; add a table [sites.NAME] for each site")
    elif found and default not in found:
        root.problem("default_site", f'is "{default}"; it must be one of {", ".join(found)}')
    root.done()
    return Sites(all=found, default=default)


def _site(name: str, table: Table) -> Site:
    jaeger = table.table("jaeger")
    source = _jaeger(jaeger) if jaeger else None
    prometheus = tuple(_prometheus(item) for item in table.tables("prometheus"))
    alertmanager = tuple(_alertmanager(item) for item in table.tables("alertmanager"))
    for key, sources in (("prometheus", prometheus), ("alertmanager", alertmanager)):
        if len({each.name for each in sources}) != len(sources):
            table.problem(key, "several sources have the same name; give each its own")
    names = [item.name for item in prometheus]
    every = _every_service(table)
    services = {
        key: _service(key, item, names, every) for key, item in table.named("services").items()
    }
    only = next(iter(services)) if len(services) == 1 else ""
    default = table.text("default_service", "the name of one of the site's services", only)
    if default and default not in services:
        table.problem("default_service", f'is "{default}"; it must be one of {", ".join(services)}')
    now = table.take("change_now", bool, "true or false", False)
    below = table.table("remote")
    remote = remote_of(below) if below else None
    named = "watchdogs" in table.values
    watchdogs = table.texts("watchdogs", "a list of alert names", WATCHDOGS)
    quiet = table.texts("quiet", "a list of alert names", QUIET)
    many = table.take("silence_confirm_above", int, "a number of alerts", MANY_SILENCED)
    if many < 0:
        table.problem("silence_confirm_above", f"is {many}; it must be 0 or more")
    subscriptions = tuple(map(subscription_of, table.tables("subscription")))
    if len({(each.channel, each.filter) for each in subscriptions}) != len(subscriptions):
        table.problem("subscription", "subscribes a channel to the same alerts twice")
    table.done()
    return Site(
        name=name,
        jaeger=source,
        prometheus=prometheus,
        services=services,
        default_service=default,
        change_now=now,
        watchdogs=watchdogs,
        quiet=quiet,
        names_watchdogs=named,
        remote=remote,
        alertmanager=alertmanager,
        silence_confirm_above=many,
        subscriptions=subscriptions,
    )


def _jaeger(table: Table) -> JaegerSource:
    source = JaegerSource(
        address=table.address("address", ...),
        ui=table.url("ui"),
        tls=_tls(table),
        headers={key.lower(): value for key, value in table.headers().items()},
        timeout=table.duration("timeout", 10 * timerange.SECOND),
        largest_message=_megabytes(table, "largest_message_mib", 4, 2047, 256),
        tag_values=table.choice("tag_values", ("exact", "regex")),
    )
    table.done()
    return source


def _tls(table: Table) -> Tls | None:
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


def _prometheus(table: Table) -> PrometheusSource:
    source = PrometheusSource(
        **_reached(table),
        rules=table.take("rules", bool, "true or false", True),
        pair=table.text("pair", "a string"),
        replica_labels=table.texts("replica_labels", "a list of label names"),
    )
    table.done()
    return source


def _alertmanager(table: Table) -> AlertmanagerSource:
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


@dataclass(frozen=True, slots=True)
class _Queries:
    """Queries, by key, the labels that hold the version and the instance, and a time limit."""

    promql: Mapping[str, str]
    version_label: str = "version"
    instance_label: str = "instance"
    rollout_within: int = 0


def _every_service(table: Table) -> _Queries:
    """Read the queries that the site defines for all services without one of their own."""
    below = table.table("every_service")
    if below is None:
        return _Queries({})
    found = _queries(below, _Queries({}))
    below.done()
    return found


def _queries(table: Table, every: _Queries) -> _Queries:
    given = set(table.values)
    texts = {
        "version": table.text("version", "PromQL"),
        "expected": table.text("expected", "PromQL for the number of instances"),
        "targets": table.text("targets", "PromQL with one series per instance, 1 or 0"),
        "requests": table.text("requests", "PromQL for requests per second"),
        "failing": table.text("failing", "PromQL for the failing share, 0 to 1"),
        "p95": table.text("p95", "PromQL for the 95th percentile in seconds"),
    }
    promql = {key: text for key, text in texts.items() if key in given}
    return _Queries(
        promql={**every.promql, **promql},
        version_label=table.text("version_label", "a label", every.version_label),
        instance_label=table.text("instance_label", "a label", every.instance_label),
        rollout_within=table.duration("rollout_within", every.rollout_within),
    )


def _service(name: str, table: Table, sources: list[str], every: _Queries) -> Service:
    labels = _labels(table, name)
    own = set(table.values)
    found = _queries(table, every if labels else replace(every, promql={}))
    service = Service(
        name=name,
        jaeger_name=table.text("jaeger_name", "the service's name in Jaeger", name),
        instances=table.addresses("instances"),
        dns=table.address("dns"),
        targets_port=port_of(table, "targets_port"),
        tls=_tls(table),
        prometheus=table.text("prometheus", "the name of a Prometheus source"),
        version=found.promql.get("version", ""),
        version_label=found.version_label,
        instance_label=found.instance_label,
        conventions=bool(sources and labels) and "version" not in found.promql,
        expected=found.promql.get("expected", ""),
        targets=found.promql.get("targets", ""),
        rollout_within=found.rollout_within,
        requests=found.promql.get("requests", ""),
        failing=found.promql.get("failing", ""),
        p95=found.promql.get("p95", ""),
        alerts=labels,
        shared=frozenset(found.promql.keys() - own),
        sampling=policy_of(table, "sampling"),
        sampling_ceiling=ceiling_of(table),
        sampling_ways=ways_of(table),
        table=f"[{table.name}]",
    )
    if sum(map(bool, (service.instances, service.dns, service.targets_port))) > 1:
        table.problem("dns", "and instances or targets_port cannot be combined; set one of them")
    if service.targets_port and not (sources and (service.targets or labels)):
        table.problem("targets_port", "needs a Prometheus server and the labels in alerts")
    if service.is_pushed and service.sampling and service.sampling.share is None:
        table.problem("sampling", f'is "{service.sampling}"; {NOT_PUSHED}')
    if service.prometheus and service.prometheus not in sources:
        table.problem("prometheus", f'is "{service.prometheus}"; sources: {", ".join(sources)}')
    table.done()
    return service


def _labels(table: Table, name: str) -> Mapping[str, str]:
    labels = table.take("alerts", dict, '{ label = "value" }', {"job": name})
    if not all(isinstance(value, str) for value in labels.values()):
        table.problem("alerts", 'must be { label = "value" }')
        return {}
    return dict(labels)
