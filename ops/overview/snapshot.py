"""The state of a trace's services while it ran, from the other services' actions."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from ops.actor import Actor
from ops.alerts import actions as alerts
from ops.alerts.actions import AlertList
from ops.errors import NotFound, NotPermitted, OpsError
from ops.overview.figures import known, problems_of
from ops.rights import rights_of
from ops.sampling import actions as sampling
from ops.sampling.actions import SamplingChange
from ops.sites import Service, Site
from ops.versions import actions as versions
from ops.versions.actions import ServiceVersions
from ops.vocabulary.alerts import Alert

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class ServiceSnapshot:
    """One service at that time. Unknown values, and those the user may not see, are empty.

    `service` is the name in the site file. `alerts` were active then; each name appears once,
    with its most urgent alert. `sampling` is the change in force when the trace started.
    """

    service: str
    versions: ServiceVersions | None
    alerts: tuple[Alert, ...]
    sampling: SamplingChange | None
    problems: tuple[str, ...] = ()

    @property
    def says_something(self) -> bool:
        return bool((self.versions and self.versions.counts) or self.alerts or self.sampling)


@dataclass(frozen=True, slots=True)
class SiteSnapshot:
    """The services with known state; `problems` has a sentence for each failure."""

    site: str
    start: int
    end: int
    lines: tuple[ServiceSnapshot, ...]
    problems: tuple[str, ...]


async def look_back(
    actor: Actor, site: Site, services: Sequence[Service], start: int, end: int
) -> SiteSnapshot:
    """Read everything concurrently, limited to what the user may see."""
    may = (await rights_of(actor.user_id)).permissions
    names = [service.name for service in services]
    ran, found = await asyncio.gather(
        if_allowed(
            versions.READ in may and bool(names),
            lambda: versions.show_several(actor, services=names, site=site.name, at=end),
        ),
        asyncio.gather(*(_line(actor, site, service, start, end, may) for service in services)),
    )
    by_name = {each.service: each for each in known(ran) or ()}
    lines = [_with_versions(line, by_name.get(line.service)) for line in found]
    return SiteSnapshot(
        site=site.name,
        start=start,
        end=end,
        lines=tuple(line for line in lines if line.says_something),
        problems=tuple(
            dict.fromkeys(
                (*problems_of(ran), *(problem for line in lines for problem in line.problems))
            )
        ),
    )


def _with_versions(line: ServiceSnapshot, ran: ServiceVersions | None) -> ServiceSnapshot:
    """Add what ran; that nothing is known of a service's version is no problem here."""
    if ran is None or ran.empty or ran.unset:
        return line
    problems = (ran.problem, *line.problems) if ran.problem else line.problems
    return replace(line, versions=ran, problems=problems)


async def _line(
    actor: Actor, site: Site, service: Service, start: int, end: int, may: frozenset[str]
) -> ServiceSnapshot:
    which = {"service": service.name, "site": site.name}
    active, sampled = await asyncio.gather(
        if_allowed(
            alerts.READ in may,
            lambda: alerts.alerts_during(actor, start=start, end=end, **which),
        ),
        if_allowed(sampling.READ in may, lambda: sampling.policy_at(actor, at=start, **which)),
    )
    return ServiceSnapshot(
        service=service.name,
        versions=None,
        alerts=_each_name_once(known(active)),
        sampling=known(sampled),
        problems=(*problems_of(active, sampled), *_silent(known(active))),
    )


async def if_allowed(allowed: bool, ask: Callable[[], Awaitable[T]]) -> T | OpsError | None:
    """Return the answer, an error in its place, or None if there is nothing to show."""
    try:
        return await ask() if allowed else None
    except (NotFound, NotPermitted):
        return None
    except OpsError as error:
        return error


def _each_name_once(found: AlertList | None) -> tuple[Alert, ...]:
    first: dict[str, Alert] = {}
    for alert in found.alerts if found else ():
        first.setdefault(alert.name, alert)
    return tuple(first.values())


def _silent(found: AlertList | None) -> tuple[str, ...]:
    if not found:
        return ()
    failed = (failure.reason for failure in found.failures)
    return (*failed, *(doubt.sentence for doubt in found.doubts))
