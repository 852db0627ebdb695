"""The parts of an overview, each read within a time limit."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from typing import TypeVar

from ops.actor import Actor
from ops.alerts.actions import AlertList, list_alerts, list_changes
from ops.alerts.changes import AlertChange
from ops.backends.clients import clients
from ops.errors import InvalidInput, OpsError
from ops.guard import check
from ops.limits import MOST_ITEMS
from ops.overview.changing import Changes, look_for_changes
from ops.overview.figures import Figures, figures, known, problems_of, settled
from ops.overview.happened import EVERY_KIND, MOST, ChangeKind
from ops.overview.lately import Lately
from ops.overview.searching import read_lately
from ops.sampling import actions as sampling
from ops.sampling.actions import SamplingChange, ServiceSampling
from ops.sites import Service, Site
from ops.traces.actions import TraceList, list_traces
from ops.versions.actions import ServiceVersions, list_versions
from ops.vocabulary import timerange
from ops.vocabulary.alert_filters import AlertFilter
from ops.vocabulary.filters import TraceQuery
from ops.vocabulary.summaries import TraceSummary

T = TypeVar("T")
FAILING_TRACES = 5
CHANGES = 50
OTHER_KINDS = (ChangeKind.SILENCES, ChangeKind.ACKNOWLEDGEMENTS, ChangeKind.INCIDENTS)
SEARCHED_EACH = 12  # up to this many services, each is searched for failing traces separately
SEARCHED_AT_ALL = 50  # services to search if the storage cannot search all of them together
LOOKED_AT = 40  # failing traces of any service, among which to find those of the site's services
Failing = tuple[tuple[TraceSummary, ...] | None, tuple[str, ...]]


class Parts:
    """What one user may see of a site, until a time of the event loop.

    Each method returns the answer, the error in its place, or None if it was not ready in time;
    the read then continues. Figures and failing traces may be `age` seconds old. `coming` names
    the parts that were not ready, `older` those of them shown with an old answer.
    """

    def __init__(self, actor: Actor, site: Site, until: float, age: float = 0.0) -> None:
        self.coming: list[str] = []
        self.older: list[str] = []
        self._actor = actor
        self.site = site
        self._until = until
        self._age = age

    async def alerts(self) -> AlertList | OpsError | None:
        only = AlertFilter(site=self.site.name)
        return await self._lasting(
            "alerts", "alerts.list_alerts", lambda: list_alerts(self._actor, filter=only)
        )

    async def alert_changes(self, since: int) -> tuple[AlertChange, ...] | OpsError | None:
        now = timerange.now_ns()
        return await self._lasting(
            "changes",
            "alerts.list_changes",
            lambda: list_changes(
                self._actor, start=since, end=now, limit=MOST, site=self.site.name
            ),
        )

    async def versions(self) -> tuple[ServiceVersions, ...] | OpsError | None:
        return await self._lasting(
            "versions",
            "versions.list_versions",
            lambda: list_versions(self._actor, site=self.site.name),
        )

    async def failing(self) -> Failing | OpsError | None:
        """The latest failing traces of the last hour, and any problems in finding them."""
        return await self._lasting(
            "failing traces",
            "traces.list_traces",
            lambda: _failing(self._actor, self.site),
            age=self._age,
        )

    async def figures(self, services: Sequence[Service]) -> Mapping[str, Figures] | None:
        found = await self._lasting(
            "figures",
            "overview.show_overview",
            lambda: figures(self.site, services),
            *services,
            age=self._age,
        )
        return known(found)

    async def lately(self, service: Service) -> Lately | OpsError | None:
        return await self._lasting(
            "traces",
            "traces.list_traces",
            lambda: read_lately(self._actor, self.site, service),
            service,
            age=self._age,
        )

    async def changes(self) -> tuple[SamplingChange, ...] | OpsError | None:
        return await self._now(
            "sampling changes", sampling.changes(self._actor, site=self.site.name, limit=CHANGES)
        )

    async def other_changes(self, since: int) -> Changes | OpsError | None:
        """Silences, who had an alert, and incidents."""
        when = (since, timerange.now_ns())
        return await self._now(
            "changes", look_for_changes(self._actor, self.site, None, when, OTHER_KINDS)
        )

    async def changed(self, service: Service, within: int) -> Changes | OpsError | None:
        """What changed in a service lately, within so many nanoseconds."""
        now = timerange.now_ns()
        when = (now - within, now)
        return await self._now(
            "changes", look_for_changes(self._actor, self.site, service, when, EVERY_KIND)
        )

    async def sampling(
        self, services: Sequence[Service]
    ) -> Mapping[str, ServiceSampling | OpsError] | OpsError | None:
        if not (self.site.remote or any(service.is_pushed for service in services)):
            return {}
        names = [service.name for service in services] if len(services) <= MOST_ITEMS else []
        return await self._now(
            "sampling",
            sampling.current_of_several(self._actor, services=names, site=self.site.name),
        )

    async def _lasting(
        self,
        part: str,
        action: str,
        read: Callable[[], Awaitable[T]],
        *of: Service,
        age: float = 0.0,
    ) -> T | OpsError | None:
        """Share one read among all users, but check this user's permission every time."""
        try:
            await check(self._actor, action)
        except OpsError as error:
            return error
        left = max(self._until - asyncio.get_running_loop().time(), 0)
        found = await clients().lasting.answer((part, self.site, of), read, left, age)
        if not found.fresh:
            self.coming.append(part)
            self.older += [part] if found.answer is not None else []
        return found.error or found.answer

    async def _now(self, part: str, read: Awaitable[T]) -> T | OpsError | None:
        """Read our own data fresh: a user who has just changed it wants to see the change."""
        try:
            async with asyncio.timeout_at(self._until):
                return await read
        except OpsError as error:
            return error
        except TimeoutError:
            self.coming.append(part)
            return None


async def _failing(actor: Actor, site: Site) -> Failing:
    """Search for failing traces, per service if they are few: not every storage searches all.

    With many services, one search over all of them is tried first.
    """
    names = list(site.services) or [""]
    if len(names) <= SEARCHED_EACH:
        return await _failing_of_each(actor, site, names)
    try:
        query = TraceQuery(site=site.name, tags=(("error", "true"),), limit=LOOKED_AT)
        found = await list_traces(actor, query=query, explain=FAILING_TRACES, any_service=True)
    except InvalidInput:
        return await _failing_of_some(actor, site, names)
    except OpsError as error:
        return None, problems_of(error)
    latest = _of_site(site, found)
    if len(latest) < FAILING_TRACES and found.more:
        return await _failing_of_some(actor, site, names)
    return latest, ()


def _of_site(site: Site, found: TraceList) -> tuple[TraceSummary, ...]:
    own = {service.jaeger_name for service in site.services.values()}
    return tuple(each for each in found.traces if own.intersection(each.services))[:FAILING_TRACES]


async def _failing_of_some(actor: Actor, site: Site, names: Sequence[str]) -> Failing:
    traces, problems = await _failing_of_each(actor, site, names[:SEARCHED_AT_ALL])
    if len(names) > SEARCHED_AT_ALL:
        problems += (
            f"failing traces were searched in only {SEARCHED_AT_ALL} of {len(names)} services: "
            "this Jaeger cannot search all of them together",
        )
    return traces, problems


async def _failing_of_each(actor: Actor, site: Site, names: Sequence[str]) -> Failing:
    queries = (
        TraceQuery(site=site.name, service=name, tags=(("error", "true"),), limit=FAILING_TRACES)
        for name in names
    )
    answers = await asyncio.gather(
        *(
            settled(partial(list_traces, actor, query=query, explain=FAILING_TRACES))
            for query in queries
        )
    )
    lists = [found for answer in answers if (found := known(answer))]
    if not lists:
        return None, problems_of(*answers)
    traces = {trace.trace_id: trace for found in lists for trace in found.traces}
    latest = sorted(traces.values(), key=lambda trace: (-trace.matched, trace.trace_id))
    return tuple(latest[:FAILING_TRACES]), problems_of(*answers)
