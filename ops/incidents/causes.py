"""How the traces of an incident's services differ from the hour before it."""

import asyncio
from dataclasses import dataclass, replace
from functools import partial

from ops.actor import Actor
from ops.alerts import actions as alerts
from ops.errors import NotFound, NotPermitted, NotSetUp, OpsError
from ops.incidents.facts import Incident
from ops.incidents.gathering import MOST_COMPARED, course, episodes, services_of, window
from ops.incidents.services import Step, rollout_steps
from ops.overview.figures import known
from ops.overview.snapshot import if_allowed
from ops.rights import rights_of
from ops.sites import Service, Site
from ops.traces import actions as traces
from ops.traces.actions import Share, WindowComparison
from ops.versions import actions as versions
from ops.versions.actions import History
from ops.vocabulary import timerange

BEFORE = 15 * timerange.MINUTE  # a rollout so long before is what the time starts with
EARLIER = 5 * timerange.MINUTE  # what an alert reacts to starts before it
LONGEST = timerange.HOUR  # of what is compared with the hour before
STEP = 20 * timerange.SECOND  # a comparison up to now is the same for everybody for so long


@dataclass(frozen=True, slots=True)
class Causes:
    """The traces of a service during an incident compared with the hour before.

    Its time is from `start` to `end`. `comparison` is None if there is nothing to compare;
    `problem` says why, "" if that is no problem.
    """

    incident: Incident
    service: str
    start: int
    end: int
    comparison: WindowComparison | None
    problem: str = ""

    @property
    def minutes(self) -> tuple[tuple[int, Share], ...]:
        """How many of its traces failed in each minute (Unix ns) of which some were looked at."""
        found = self.comparison
        if found is None:
            return ()
        every = dict(found.before.minutes)
        for minute, share in found.now.minutes:
            every[minute] = every.get(minute, Share()) + share
        first = self.start - timerange.MINUTE
        return tuple(each for each in sorted(every.items()) if first < each[0] < self.end)


async def find_causes(
    actor: Actor, site: Site, incident: Incident, service: str = ""
) -> tuple[Causes, ...]:
    """Compare them concurrently, or those of one service, as far as the reader may see them."""
    every = services_of(site, incident)[:MOST_COMPARED]
    found = [each for each in every if service in ("", each.name)]
    if service and not found:
        raise NotFound(f'the traces of "{service[:80]}" are not compared in this incident')
    if not found:
        return ()
    now = timerange.now_ns()
    start, end = window(incident, now)
    may = (await rights_of(actor.user_id)).permissions
    active, histories = await asyncio.gather(
        if_allowed(
            alerts.READ in may and bool(site.prometheus),
            lambda: episodes(actor, site, incident, start, end),
        ),
        asyncio.gather(*(_history(actor, site, each, may) for each in found)),
    )
    fired = course(known(active), end)
    began, ended = fired.began or incident.begins, fired.quiet_since or end
    times = [
        _times(service, history, began, ended, now)
        for service, history in zip(found, histories, strict=True)
    ]
    nothing = [Causes(incident, each.name, start, end, None) for each in found]
    return tuple(await asyncio.gather(*map(partial(_of, actor, site), nothing, times)))


async def _of(actor: Actor, site: Site, none: Causes, times: tuple[int, int]) -> Causes:
    """Compare the traces of a service; `none` is the result without them."""
    since, until = times
    try:
        comparison = await traces.compare_windows(
            actor,
            service=none.service,
            start=since,
            end=until,
            before_start=since - timerange.HOUR,
            before_end=since,
            site=site.name,
        )
    except NotPermitted:
        return replace(none, problem="You are not allowed to see traces")
    except NotSetUp:
        return none
    except OpsError as error:
        return replace(none, problem=f"The traces were not compared: {error}")
    return replace(none, comparison=comparison)


async def _history(
    actor: Actor, site: Site, service: Service, may: frozenset[str]
) -> History | None:
    found = await if_allowed(
        versions.READ in may,
        lambda: versions.list_histories(actor, service=service.name, site=site.name),
    )
    return (known(found) or {}).get(service.name)


def _times(
    service: Service, history: History | None, began: int, ended: int, now: int
) -> tuple[int, int]:
    """Return the time that is compared: from the rollout, or shortly before the first alert.

    It ends when all is quiet, or now.
    """
    steps = rollout_steps(service.name, history, began - BEFORE, began)
    started = [each.at for each in steps if each.step is Step.STARTED]
    since = started[-1] if started else began - EARLIER
    until = max(min(ended, since + LONGEST), since + timerange.SECOND)
    if until > now - STEP:
        until = max(until // STEP * STEP, since + timerange.SECOND)
    return since, until
