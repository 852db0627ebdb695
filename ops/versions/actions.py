"""Which version runs where, per Prometheus."""

import asyncio
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from ops.actor import Actor
from ops.backends.connections import connections
from ops.backends.prometheus import Prometheus, Sample, Vector
from ops.errors import NotFound, OpsError
from ops.guard import DEADLINE, action
from ops.sites import PrometheusSource, Service, Site, sites
from ops.versions.rollout import InstanceVersion, ServiceVersions

__all__ = ["InstanceVersion", "ServiceVersions", "list_versions", "show_versions"]

READ = "versions.view_versions"


class _Nothing(NotFound):
    """Prometheus answered, and the answer has no version in it."""


Answers = Mapping[str, Vector | OpsError]


@action("versions.show_versions", permission=READ)
async def show_versions(
    actor: Actor, *, service: str = "", site: str = "", at: int = 0
) -> ServiceVersions:
    """Return one service's versions at a moment (Unix nanoseconds), 0 being the present.

    Raises NotFound when the service has no version query, or, with the query, when the metric
    is missing.
    """
    where = sites().site(site)
    what = where.service(service)
    prometheus = _prometheus(where, what)
    return _versions(where, what, prometheus, await _asked(prometheus, [what], at), at)


@action("versions.list_versions", permission=READ)
async def list_versions(
    actor: Actor, *, site: str = "", patience: float = DEADLINE
) -> tuple[ServiceVersions, ...]:
    """Return the versions of every service of a site; a failure is that line's `problem`.

    After `patience` seconds it returns what is known, as `coming`, and goes on asking.
    """
    where = sites().site(site)
    found = await connections().lasting.answer(("versions", where), lambda: _all(where), patience)
    if found.error:
        raise found.error
    if found.fresh and found.answer is not None:
        return found.answer
    known = {each.service: each for each in found.answer or ()}
    return tuple(
        replace(known.get(name) or ServiceVersions(where.name, name, (), 0), coming=True)
        for name in where.services
    )


async def _all(site: Site) -> tuple[ServiceVersions, ...]:
    """Ask each source once for all of its services."""
    found: dict[str, ServiceVersions] = {}
    asked: dict[PrometheusSource, list[Service]] = {}
    for service in site.services.values():
        try:
            asked.setdefault(_prometheus(site, service).source, []).append(service)
        except OpsError as error:
            found[service.name] = _problem(site, service, error)

    async def ask(source: PrometheusSource, services: Sequence[Service]) -> None:
        prometheus = connections().prometheus(site, source)
        answers = await _asked(prometheus, services, 0)
        for service in services:
            try:
                found[service.name] = _versions(site, service, prometheus, answers, 0)
            except OpsError as error:
                found[service.name] = _problem(site, service, error)

    await asyncio.gather(*(ask(source, services) for source, services in asked.items()))
    return tuple(found[name] for name in site.services)


def _problem(site: Site, service: Service, error: OpsError) -> ServiceVersions:
    return ServiceVersions(
        site=site.name,
        service=service.name,
        instances=(),
        total=len(service.instances),
        problem=str(error),
        empty=bool(service.version) and isinstance(error, _Nothing),
    )


def _prometheus(site: Site, service: Service) -> Prometheus:
    if not service.version:
        raise NotFound(
            f'service "{service.name}" has no version query; set version in '
            f"[sites.{site.name}.services.{service.name}] of the site file"
        )
    return connections().prometheus(site, site.source(service))


async def _asked(prometheus: Prometheus, services: Iterable[Service], at: int) -> Answers:
    queries = [each for service in services for each in (service.version, _targets(service))]
    return await prometheus.queries(queries, at=at)


def _versions(
    site: Site, service: Service, prometheus: Prometheus, answers: Answers, at: int
) -> ServiceVersions:
    found = answers[service.version]
    if isinstance(found, OpsError):
        raise found
    own = _own(service, found.samples)
    targets = _own_targets(service, own, answers[_targets(service)])
    instances = [_instance(service, sample) for sample in own]
    if not any(each.version for each in instances):
        raise _unknown(service, prometheus, own)
    doubts = _doubts(service, instances)
    names = {each.instance for each in instances}
    silent = {target.labels.get(service.instance_label, "") for target in targets.samples} - names
    instances += [InstanceVersion(name, "") for name in silent if name]
    instances.sort(key=lambda each: (each.instance, each.version))
    # The site file knows the instances of today, not those of then.
    expected = 0 if at else len(service.instances)
    return ServiceVersions(
        site=site.name,
        service=service.name,
        instances=tuple(instances),
        total=max(_number(instances), len(targets.samples), expected),
        warnings=(*found.warnings, *targets.warnings, *doubts),
    )


def _own(service: Service, samples: Sequence[Sample]) -> Sequence[Sample]:
    """Leave out what a query that the site has for all services says of others."""
    if "version" not in service.shared:
        return samples
    return [sample for sample in samples if service.alerts.items() <= sample.labels.items()]


def _unknown(service: Service, prometheus: Prometheus, samples: Sequence[Sample]) -> _Nothing:
    gives = f'gives no label "{service.version_label}"' if samples else "finds nothing"
    return _Nothing(
        f'no version of "{service.name}" is known: the query {service.version} {gives} in '
        f"{prometheus.name}"
    )


def _targets(service: Service) -> str:
    """Ask for `up` of every target of the jobs that say the version, of those down as well."""
    return f"up and on(job) group by (job) ({service.version})"


def _own_targets(service: Service, samples: Iterable[Sample], found: Vector | OpsError) -> Vector:
    """Leave out the targets of other services where the query is that of all.

    A service that pushes its metrics has no targets, and no answer hides no version.
    """
    if isinstance(found, OpsError):
        return Vector((), (f"whether instances are down is not known: {found}",))
    if "version" not in service.shared:
        return found
    jobs = {sample.labels.get("job", "") for sample in samples}
    own = tuple(each for each in found.samples if each.labels.get("job", "") in jobs)
    return Vector(own, found.warnings)


def _instance(service: Service, sample: Sample) -> InstanceVersion:
    labels = sample.labels
    return InstanceVersion(
        labels.get(service.instance_label, ""), labels.get(service.version_label, "")
    )


def _number(instances: Iterable[InstanceVersion]) -> int:
    """Count instances; those without a name count each."""
    names = [each.instance for each in instances]
    return len({name for name in names if name}) + names.count("")


def _doubts(service: Service, instances: Sequence[InstanceVersion]) -> list[str]:
    """Say what about the answer does not fit."""
    found = []
    if not all(each.instance for each in instances):
        found.append(f'the version query gives no label "{service.instance_label}"')
    times = Counter(each.instance for each in instances if each.instance)
    return found + [
        f"{instance} says {count} versions; an old one may linger for five minutes"
        for instance, count in times.items()
        if count > 1
    ]
