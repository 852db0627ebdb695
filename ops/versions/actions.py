"""Which version runs where, per Prometheus."""

import asyncio
from collections import Counter
from collections.abc import Iterable, Sequence

from ops.actor import Actor
from ops.backends.connections import connections
from ops.backends.prometheus import Prometheus, Sample, Vector
from ops.errors import NotFound, OpsError
from ops.guard import action
from ops.sites import Service, Site, sites
from ops.versions.rollout import InstanceVersion, ServiceVersions

__all__ = ["InstanceVersion", "ServiceVersions", "list_versions", "show_versions"]

READ = "versions.view_versions"


@action("versions.show_versions", permission=READ)
async def show_versions(
    actor: Actor, *, service: str = "", site: str = "", at: int = 0
) -> ServiceVersions:
    """Return one service's versions at a moment (Unix nanoseconds), 0 being the present.

    Raises NotFound when the service has no version query, or, with the query, when the metric
    is missing.
    """
    where = sites().site(site)
    return await _versions(where, where.service(service), at)


@action("versions.list_versions", permission=READ)
async def list_versions(actor: Actor, *, site: str = "") -> tuple[ServiceVersions, ...]:
    """Return the versions of every service of a site; a failure is that line's `problem`."""
    where = sites().site(site)
    lines = (_versions_or_problem(where, service) for service in where.services.values())
    return tuple(await asyncio.gather(*lines))


async def _versions_or_problem(site: Site, service: Service) -> ServiceVersions:
    try:
        return await _versions(site, service)
    except OpsError as error:
        total = len(service.instances)
        return ServiceVersions(site.name, service.name, (), total, problem=str(error))


async def _versions(site: Site, service: Service, at: int = 0) -> ServiceVersions:
    if not service.version:
        raise NotFound(
            f'service "{service.name}" has no version query; set version in '
            f"[sites.{site.name}.services.{service.name}] of the site file"
        )
    prometheus = connections().prometheus(site, site.source(service))
    found, targets = await asyncio.gather(
        prometheus.query(service.version, at=at), _targets(prometheus, service, at)
    )
    instances = [_instance(service, sample) for sample in found.samples]
    if not any(each.version for each in instances):
        raise _unknown(service, prometheus, found)
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


def _unknown(service: Service, prometheus: Prometheus, found: Vector) -> NotFound:
    gives = f'gives no label "{service.version_label}"' if found.samples else "finds nothing"
    return NotFound(
        f'no version of "{service.name}" is known: the query {service.version} {gives} in '
        f"{prometheus.name}"
    )


async def _targets(prometheus: Prometheus, service: Service, at: int) -> Vector:
    """Return `up` of every target of the jobs that say the version, also of those that are down.

    A service that pushes its metrics has no targets, and no answer hides no version.
    """
    try:
        return await prometheus.query(f"up and on(job) group by (job) ({service.version})", at=at)
    except OpsError as error:
        return Vector((), (f"whether instances are down is not known: {error}",))


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
