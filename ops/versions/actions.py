"""Actions that read which version runs where, from Prometheus."""

import asyncio
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from ops.actor import Actor
from ops.backends.clients import clients
from ops.backends.prometheus import Prometheus, Sample, Vector
from ops.errors import NotFound, OpsError
from ops.guard import DEADLINE, action
from ops.sites import PrometheusSource, Service, Site, sites
from ops.versions.rollout import InstanceVersion, ServiceVersions

__all__ = ["InstanceVersion", "ServiceVersions", "list_versions", "show_versions"]

READ = "versions.view_versions"


class _Nothing(NotFound):
    """Prometheus answered, but without any version."""


Answers = Mapping[str, Vector | OpsError]


@action("versions.show_versions", permission=READ)
async def show_versions(
    actor: Actor, *, service: str = "", site: str = "", at: int = 0
) -> ServiceVersions:
    """Return one service's versions at a moment (Unix nanoseconds), 0 meaning now.

    Raises NotFound if the service has no version query or, naming the query, if it finds no
    version.
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

    After `patience` seconds, return what is known, the rest as `coming`; the reads continue.
    """
    where = sites().site(site)
    found = await clients().lasting.answer(("versions", where), lambda: _all(where), patience)
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
    """Query each source once for all of its services."""
    found: dict[str, ServiceVersions] = {}
    asked: dict[PrometheusSource, list[Service]] = {}
    for service in site.services.values():
        try:
            asked.setdefault(_prometheus(site, service).source, []).append(service)
        except OpsError as error:
            found[service.name] = _problem(site, service, error)

    async def ask(source: PrometheusSource, services: Sequence[Service]) -> None:
        prometheus = clients().prometheus(site, source)
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
    return clients().prometheus(site, site.source(service))


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
    # The site file knows today's instances, not those of that time.
    expected = 0 if at else len(service.instances)
    return ServiceVersions(
        site=site.name,
        service=service.name,
        instances=tuple(instances),
        total=max(_number(instances), len(targets.samples), expected),
        warnings=(*found.warnings, *targets.warnings, *doubts),
    )


def _own(service: Service, samples: Sequence[Sample]) -> Sequence[Sample]:
    """Leave out what a query that the site defines for all services returns for others."""
    if "version" not in service.shared:
        return samples
    return [sample for sample in samples if service.alerts.items() <= sample.labels.items()]


def _unknown(service: Service, prometheus: Prometheus, samples: Sequence[Sample]) -> _Nothing:
    gives = f'returns no label "{service.version_label}"' if samples else "returns nothing"
    return _Nothing(
        f'the version of "{service.name}" is unknown: the query {service.version} {gives} in '
        f"{prometheus.name}"
    )


def _targets(service: Service) -> str:
    """Query `up` of every target, also those down, of the jobs that report the version."""
    return f"up and on(job) group by (job) ({service.version})"


def _own_targets(service: Service, samples: Iterable[Sample], found: Vector | OpsError) -> Vector:
    """Leave out the targets of other services if the query is the site's.

    A service that pushes its metrics has no targets. A failed query does not hide versions.
    """
    if isinstance(found, OpsError):
        return Vector((), (f"OpsPortal cannot tell whether instances are down: {found}",))
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
    """Count instances; each one without a name counts separately."""
    names = [each.instance for each in instances]
    return len({name for name in names if name}) + names.count("")


def _doubts(service: Service, instances: Sequence[InstanceVersion]) -> list[str]:
    """Return a sentence for everything in the answer that does not fit."""
    found = []
    if not all(each.instance for each in instances):
        found.append(f'the version query returns no label "{service.instance_label}"')
    times = Counter(each.instance for each in instances if each.instance)
    return found + [
        f"{instance} reports {count} versions; an old one can linger for five minutes"
        for instance, count in times.items()
        if count > 1
    ]
