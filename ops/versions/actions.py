"""Actions that read which version runs where, from Prometheus."""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace

from ops.actor import Actor
from ops.backends.clients import clients
from ops.database import in_database
from ops.errors import BackendUnavailable, NotFound, OpsError
from ops.guard import DEADLINE, action
from ops.sites import PrometheusSource, Service, Site, sites
from ops.versions.describing import Nothing, Unset, describe
from ops.versions.history import History, Stretch
from ops.versions.models import VersionPeriod
from ops.versions.progress import Rollout, State
from ops.versions.reading import WINDOW, Reading, read
from ops.versions.rollout import InstanceVersion, Lack, ServiceVersions
from ops.versions.watching import Answer, VersionHistory, stored
from ops.vocabulary import timerange
from ops.watch.picture import SourceAnswer, pictures

__all__ = [
    "WINDOW",
    "History",
    "InstanceVersion",
    "Lack",
    "Rollout",
    "ServiceVersions",
    "State",
    "Stretch",
    "list_histories",
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
    for each in () if at else await _watched(where):
        if each.service == what.name and not each.problem and not each.coming:
            return each
    reading = await _reading(where, _source(where, what), [what], at, past=not at)
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
    if watched := await _watched(where):
        return watched
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


@action("versions.list_histories", permission=READ)
async def list_histories(
    actor: Actor, *, service: str = "", site: str = ""
) -> Mapping[str, History]:
    """Return what is remembered of the versions of one service, or of all, without asking a source.

    Services of which nothing is remembered are left out.
    """
    where = sites().site(site)
    meant = [where.service(service)] if service else [*where.services.values()]
    key = ("version histories", where, service)

    async def read() -> Mapping[str, History]:
        return await in_database(stored, where.name, meant, timerange.now_ns())

    return await clients().reads.answer(key, read)


class VersionSubject:
    """The versions of each source's services."""

    name = "versions"
    answer = Answer
    remembered = (VersionPeriod,)

    def sources(self, site: Site) -> Sequence[str]:
        return [source.name for source in _services_by_source(site)]

    async def poll(self, site: Site, source: str, before: Answer | None) -> Answer:
        """Read them; raises OpsError if the source answers none of the queries."""
        [services] = [own for each, own in _services_by_source(site).items() if each.name == source]
        found = await _read(site, services, 0, past=True)
        if all(each.problem and not each.empty for each in found):
            raise BackendUnavailable(found[0].problem, backend=source)
        return found

    def history(self, site: Site) -> VersionHistory:
        return VersionHistory(site)


VERSIONS = VersionSubject()


def _services_by_source(site: Site) -> Mapping[PrometheusSource, Sequence[Service]]:
    found: dict[PrometheusSource, list[Service]] = {}
    for service in site.services.values():
        with suppress(NotFound):
            found.setdefault(_source(site, service), []).append(service)
    return found


async def _watched(site: Site) -> tuple[ServiceVersions, ...]:
    """Return what the site's watcher knows; () if there is no watcher or it knows nothing."""
    picture = await pictures.newest(site.name, VERSIONS.name, VERSIONS.answer)
    if picture is None or not any(each.answer for each in picture.sources.values()):
        return ()
    found: dict[str, ServiceVersions] = {}
    for service in site.services.values():
        try:
            source = picture.sources.get(_source(site, service).name, SourceAnswer())
        except OpsError as error:
            found[service.name] = _problem(site, service, error)
            continue
        if not source.is_young(picture.at) and source.error:
            away = BackendUnavailable(source.error, backend="Prometheus")
            found[service.name] = _problem(site, service, away)
            continue
        known = {each.service: each for each in source.answer or ()}
        nothing = ServiceVersions(site.name, service.name, (), 0, coming=True)
        found[service.name] = known.get(service.name, nothing)
    return tuple(found.values())


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
        reading = await _reading(site, source, services, at, past=past)
        # Hundreds of services take more than 5 ms.
        lines = await asyncio.to_thread(_lines, site, services, reading, now=not at)
        found.update({each.service: each for each in lines})

    await asyncio.gather(*(ask(source, services) for source, services in asked.items()))
    return tuple(found[service.name] for service in services)


async def _reading(
    site: Site, source: PrometheusSource, services: Sequence[Service], at: int, *, past: bool
) -> Reading:
    """Ask a source, or another one of its pair if it does not answer."""
    first = await read(clients().prometheus(site, source), services, at, past=past)
    if first.answered:
        return first
    for twin in site.twins(source):
        other = await read(clients().prometheus(site, twin), services, at, past=past)
        if other.answered:
            return other
    return first


def _lines(
    site: Site, services: Iterable[Service], reading: Reading, *, now: bool
) -> list[ServiceVersions]:
    lines = []
    for service in services:
        try:
            lines.append(describe(site.name, service, reading, now=now))
        except OpsError as error:
            lines.append(_problem(site, service, error))
    return lines


def _problem(site: Site, service: Service, error: OpsError) -> ServiceVersions:
    return ServiceVersions(
        site=site.name,
        service=service.name,
        instances=(),
        total=len(service.instances),
        problem=error.why if isinstance(error, BackendUnavailable) else str(error),
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
