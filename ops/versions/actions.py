"""Actions that read which version runs where, from Prometheus."""

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import replace

from ops.actor import Actor
from ops.backends.clients import clients
from ops.errors import NotFound, OpsError
from ops.guard import DEADLINE, action
from ops.sites import PrometheusSource, Service, Site, sites
from ops.versions.describing import Nothing, Unset, describe
from ops.versions.history import History
from ops.versions.progress import Rollout, State
from ops.versions.reading import WINDOW, read
from ops.versions.rollout import InstanceVersion, Lack, ServiceVersions

__all__ = [
    "WINDOW",
    "History",
    "InstanceVersion",
    "Lack",
    "Rollout",
    "ServiceVersions",
    "State",
    "list_versions",
    "show_several",
    "show_versions",
]

READ = "versions.view_versions"


@action("versions.show_versions", permission=READ)
async def show_versions(
    actor: Actor, *, service: str = "", site: str = "", at: int = 0
) -> ServiceVersions:
    """Return one service's versions at a moment (Unix nanoseconds), 0 meaning now.

    Raises NotFound if nothing can be asked for its version or, naming the query, if that finds
    none.
    """
    where = sites().site(site)
    what = where.service(service)
    prometheus = clients().prometheus(where, _source(where, what))
    reading = await read(prometheus, [what], at, past=not at)
    return describe(where.name, what, reading, now=not at)


@action("versions.show_several", permission=READ)
async def show_several(
    actor: Actor, *, services: Sequence[str], site: str = "", at: int = 0
) -> tuple[ServiceVersions, ...]:
    """Return the versions of some services at a moment; a failure is that line's `problem`.

    `at` is in Unix nanoseconds, 0 meaning now. Raises NotFound if a service does not exist.
    """
    where = sites().site(site)
    return await _read(where, [where.service(name) for name in services], at, past=False)


@action("versions.list_versions", permission=READ)
async def list_versions(
    actor: Actor, *, site: str = "", patience: float = DEADLINE
) -> tuple[ServiceVersions, ...]:
    """Return the versions of every service of a site; a failure is that line's `problem`.

    After `patience` seconds, return what is known, the rest as `coming`; the reads continue.
    """
    where = sites().site(site)
    found = await clients().lasting.answer(
        ("versions", where), lambda: _read(where, where.services.values(), 0, past=True), patience
    )
    if found.error:
        raise found.error
    if found.fresh and found.answer is not None:
        return found.answer
    known = {each.service: each for each in found.answer or ()}
    return tuple(
        replace(known.get(name) or ServiceVersions(where.name, name, (), 0), coming=True)
        for name in where.services
    )


async def _read(
    site: Site, services: Iterable[Service], at: int, *, past: bool
) -> tuple[ServiceVersions, ...]:
    """Ask each source once for all of its services; one that is down costs only these."""
    services = list(services)
    found: dict[str, ServiceVersions] = {}
    asked: dict[PrometheusSource, list[Service]] = {}
    for service in services:
        try:
            asked.setdefault(_source(site, service), []).append(service)
        except OpsError as error:
            found[service.name] = _problem(site, service, error)

    async def ask(source: PrometheusSource, services: Sequence[Service]) -> None:
        reading = await read(clients().prometheus(site, source), services, at, past=past)
        for service in services:
            try:
                found[service.name] = describe(site.name, service, reading, now=not at)
            except OpsError as error:
                found[service.name] = _problem(site, service, error)

    await asyncio.gather(*(ask(source, services) for source, services in asked.items()))
    return tuple(found[service.name] for service in services)


def _problem(site: Site, service: Service, error: OpsError) -> ServiceVersions:
    return ServiceVersions(
        site=site.name,
        service=service.name,
        instances=(),
        total=len(service.instances),
        problem=str(error),
        empty=isinstance(error, Nothing),
        unset=isinstance(error, Unset) or not service.shows_version,
    )


def _source(site: Site, service: Service) -> PrometheusSource:
    if not service.shows_version:
        raise NotFound(
            f'service "{service.name}" has no version query; set version in '
            f"[sites.{site.name}.services.{service.name}] of the site file"
        )
    return site.source(service)
