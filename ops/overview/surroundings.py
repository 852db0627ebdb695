"""What happened around an alert: versions, failing traces, sampling and other alerts."""

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from ops.actor import Actor
from ops.alerts import actions as alerts
from ops.alerts.changes import AlertChange, Kind
from ops.alerts.one import ShownAlert, State
from ops.errors import OpsError
from ops.overview.figures import known, problems_of
from ops.overview.snapshot import if_allowed
from ops.rights import rights_of
from ops.sampling import actions as sampling
from ops.sampling.actions import SamplingChange
from ops.sites import Service, Site
from ops.traces import actions as traces
from ops.traces.actions import TraceList
from ops.versions import actions as versions
from ops.versions.actions import ServiceVersions
from ops.vocabulary import timerange
from ops.vocabulary.filters import TraceQuery
from ops.vocabulary.timerange import Moment, TimeRange

BEFORE = 15 * timerange.MINUTE
MOST_SERVICES = 3
MOST_TRACES = 100
MOST_CHANGES = 10


@dataclass(frozen=True, slots=True)
class ServiceAround:
    """A service of the alert. Unknown values, and those the user may not see, are None.

    `before` are the versions 15 minutes before the alert started, `then` those at its start.
    `failing` are traces that failed while it lasted. `sampling` was in force at its start.
    """

    service: str
    before: ServiceVersions | None
    then: ServiceVersions | None
    failing: TraceList | None
    sampling: SamplingChange | None
    query: TraceQuery
    problems: tuple[str, ...] = ()

    @property
    def ran(self) -> str:
        """`1.2.0`, or `1.2.0, then 1.2.0 on 2, 1.3.0 on 1 of 3`; "" if it is not known."""
        then = self.then.spread if self.then and self.then.counts else ""
        before = self.before.spread if self.before and self.before.counts else ""
        if before and then and before != then:
            return f"{before}, then {then}"
        return then or before


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What happened from 15 minutes before an alert started until it ended, or now.

    `start` is when the alert started, `end` when it ended, Unix nanoseconds. `changes` are other
    alerts that started up to 15 minutes before it, the newest first.
    """

    start: int
    end: int
    lines: tuple[ServiceAround, ...]
    changes: tuple[AlertChange, ...]
    problems: tuple[str, ...]


async def look_around(actor: Actor, site: Site, shown: ShownAlert) -> Surroundings:
    """Read everything concurrently, limited to what the user may see."""
    now = timerange.now_ns()
    start = began(shown, now)
    end = shown.at if shown.state is State.RESOLVED and shown.at else now
    services = services_of(site, shown)
    may = (await rights_of(actor.user_id)).permissions
    changes, lines = await asyncio.gather(
        if_allowed(
            alerts.READ in may,
            lambda: alerts.list_changes(
                actor, start=start - BEFORE, end=start, limit=2 * MOST_CHANGES, site=site.name
            ),
        ),
        asyncio.gather(*(_around(actor, site, each, start, end, may) for each in services)),
    )
    return Surroundings(
        start=start,
        end=end,
        lines=tuple(lines),
        changes=tuple(_others(shown, known(changes) or ()))[:MOST_CHANGES],
        problems=tuple(
            dict.fromkeys((*problems_of(changes), *(p for line in lines for p in line.problems)))
        ),
    )


def began(shown: ShownAlert, now: int) -> int:
    """Return when an alert became active, if it is over when it last did."""
    newest = shown.past.episodes[0].start if shown.past.episodes else now
    return min(shown.pending_since or shown.firing_since or newest, now)


def services_of(site: Site, shown: ShownAlert) -> list[Service]:
    """Return the services whose labels an alert has."""
    labels = shown.alert.labels.items()
    found = [each for each in site.services.values() if each.alerts]
    return [each for each in found if each.alerts.items() <= labels][:MOST_SERVICES]


def _others(shown: ShownAlert, changes: Sequence[AlertChange]) -> Iterable[AlertChange]:
    """Return the other alerts that started, each name once, with the newest of its alerts."""
    found: dict[str, AlertChange] = {}
    for each in changes:
        if each.kind is not Kind.FIRING or each.fingerprint == shown.alert.fingerprint:
            continue
        known = found.get(each.name)
        found[each.name] = replace(known, count=known.count + each.count) if known else each
    return found.values()


async def _around(
    actor: Actor, site: Site, service: Service, start: int, end: int, may: frozenset[str]
) -> ServiceAround:
    which = {"service": service.name, "site": site.name}
    query = TraceQuery(
        site=site.name,
        service=service.name,
        tags=(("error", "true"),),
        range=TimeRange(Moment(start), Moment(max(end, start + timerange.SECOND))),
        limit=MOST_TRACES,
    )
    before, then, failing, sampled = await asyncio.gather(
        _versions(actor, may, start - BEFORE, **which),
        _versions(actor, may, start, **which),
        if_allowed(
            traces.READ in may and site.jaeger is not None,
            lambda: traces.list_traces(actor, query=query),
        ),
        if_allowed(sampling.READ in may, lambda: sampling.policy_at(actor, at=start, **which)),
    )
    return ServiceAround(
        service=service.name,
        before=known(before),
        then=known(then),
        failing=known(failing),
        sampling=known(sampled),
        query=query,
        problems=problems_of(before, then, failing, sampled),
    )


async def _versions(
    actor: Actor, may: frozenset[str], at: int, *, service: str, site: str
) -> ServiceVersions | OpsError | None:
    return await if_allowed(
        versions.READ in may,
        lambda: versions.show_versions(actor, service=service, site=site, at=at),
    )
