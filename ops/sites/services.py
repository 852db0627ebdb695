"""A site's services: their names, their instances, and the queries that describe them."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from ops.sites.backends import Tls, tls_of
from ops.sites.sampling import NOT_PUSHED, ceiling_of, policy_of, port_of, ways_of
from ops.toml_file import Table
from ops.vocabulary.policies import Policy


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
class Queries:
    """Queries, by key, the labels that hold the version and the instance, and a time limit."""

    promql: Mapping[str, str]
    version_label: str = "version"
    instance_label: str = "instance"
    rollout_within: int = 0


def every_service_of(table: Table) -> Queries:
    """Read the queries that the site defines for all services without one of their own."""
    below = table.table("every_service")
    if below is None:
        return Queries({})
    found = _queries(below, Queries({}))
    below.done()
    return found


def _queries(table: Table, every: Queries) -> Queries:
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
    return Queries(
        promql={**every.promql, **promql},
        version_label=table.text("version_label", "a label", every.version_label),
        instance_label=table.text("instance_label", "a label", every.instance_label),
        rollout_within=table.duration("rollout_within", every.rollout_within),
    )


def service_of(name: str, table: Table, sources: list[str], every: Queries) -> Service:
    """Read the table `[sites.NAME.services.NAME]` of a site with these Prometheus sources."""
    labels = _labels(table, name)
    own = set(table.values)
    found = _queries(table, every if labels else replace(every, promql={}))
    service = Service(
        name=name,
        jaeger_name=table.text("jaeger_name", "the service's name in Jaeger", name),
        instances=table.addresses("instances"),
        dns=table.address("dns"),
        targets_port=port_of(table, "targets_port"),
        tls=tls_of(table),
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
