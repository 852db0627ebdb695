"""Lists of traces: the newest that a query finds, where the list ends, and what comes next."""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from sys import getsizeof

from cachetools import LRUCache

from ops.backends.clients import clients
from ops.backends.trace_search import FoundTraces, TraceSearch
from ops.backends.trace_search.slices import SECONDS_KEPT, SETTLED
from ops.errors import OpsError
from ops.metrics import watched
from ops.patience import patient
from ops.sites import Site, sites
from ops.traces.fetching import fetch_from
from ops.vocabulary import timerange
from ops.vocabulary.conditions import Condition
from ops.vocabulary.filters import Place, TraceQuery
from ops.vocabulary.summaries import TraceSummary
from ops.vocabulary.timerange import Moment, TimeRange

EXPLAINED_AT_ONCE = 8
BRIEF = 2  # a list is brief if its range is this many times longer than the part it covers
EXPLAINING = 5.0  # seconds after which a list goes without the remaining error sentences
explanations: LRUCache[tuple[str, str], str] = watched("explanations", LRUCache(maxsize=5_000))


@dataclass(frozen=True, slots=True)
class TraceList:
    """The traces that a query found, newest first, ties by ID.

    A trace is listed at the time of its newest matching span within the range, `matched`, from
    `start` on and before `end`; the trace may have started long before. The list has exactly the
    newest ones, whichever the storage would return. The others in the searched window, which ends
    at `searched_to`, come after the place `rest`; it is None if there are none. If Jaeger gave
    summaries of traces too large to read for a list, `matched` is only known to lie between two
    times, and such a trace may be listed again.

    `query` is the query with site and service filled in and its range absolute; it was asked at
    `asked_at`. `fetched` exceeds `len(traces)` if part of the filtering was ours: it counts all
    traces looked at. `by_status` means that the list comes from Jaeger's own summaries, which
    count a span as failed by its status alone: a span that only its tag `error=true` marks as
    failed is counted once the whole trace is read.
    """

    query: TraceQuery
    start: int
    end: int
    traces: tuple[TraceSummary, ...]
    fetched: int
    rest: Place | None = None
    searched_to: int = 0
    asked_at: int = field(default=0, compare=False)
    by_status: bool = False

    @property
    def more(self) -> bool:
        """Whether it was cut, by the limit or because enough traces had been looked at."""
        return self.rest is not None

    @property
    def older(self) -> TraceQuery | None:
        """The query for what comes next; following it to the end lists every trace once."""
        if self.rest is None:
            return None
        searched = TimeRange(self.query.range.start, Moment(self.searched_to))
        return replace(self.query, range=searched, before=self.rest)

    @property
    def newer(self) -> TraceQuery | None:
        """The range that follows, of the same length or up to now; None if this one ends now."""
        if self.end >= self.asked_at - timerange.SECOND:
            return None
        end = min(self.end + self.end - self.start, self.asked_at)
        return replace(self.query, range=_absolute(self.end, end), before=None)

    @property
    def service_in_traces(self) -> str:
        """The searched service's name in traces, which may differ from the one in the site file."""
        site, service = sites().site(self.query.site), self.query.service
        return name_in_jaeger(site, service) if service else ""

    @property
    def as_stored(self) -> bool:
        """Whether the store counted the spans of some of these traces; see TraceSummary."""
        return any(trace.as_stored for trace in self.traces)

    @property
    def until(self) -> int:
        """Where this list starts; before `end` if it continues another list."""
        before = self.query.before
        return min(before.time + 1, self.end) if before else self.end

    @property
    def back_to(self) -> int:
        """How far back this list goes: it has everything that matched from then to `until`."""
        return min(self.rest.time + 1, self.until) if self.rest else self.start

    @property
    def is_brief(self) -> bool:
        """Whether it was cut so early that it covers little of its range."""
        return self.more and (self.until - self.back_to) * BRIEF < self.until - self.start


async def find_traces(
    query: TraceQuery, explain: int, *, whole_moments: bool, any_service: bool
) -> TraceList:
    """Search traces; the arguments are those of actions.list_traces."""
    now = timerange.now_ns()
    start, end = query.range.start_end(now)
    site = sites().site(query.site)
    any_service = any_service or query.is_about_services
    service = query.service or ("" if any_service else site.default_service)
    search = TraceSearch(
        start=start,
        end=end,
        limit=query.limit,
        service=name_in_jaeger(site, service) if service else "",
        operation=query.operation,
        tags=query.tags,
        conditions=tuple(_as_in_jaeger(site, each) for each in query.conditions),
        span_min=query.span_min,
        span_max=query.span_max,
        trace_min=query.trace_min,
        trace_max=query.trace_max,
        before=query.before,
        whole_moments=whole_moments,
    )
    settled = end <= now - SETTLED and query.range == _absolute(start, end)
    found = await (_kept if settled else _found)(site, search, explain)
    asked = replace(query, site=site.name, service=service, range=_absolute(start, end))
    return TraceList(
        query=asked,
        start=start,
        end=end,
        traces=found.summaries,
        fetched=found.fetched,
        rest=found.rest,
        searched_to=found.end,
        asked_at=now,
        by_status=found.by_status,
    )


def name_in_jaeger(site: Site, service: str) -> str:
    """Return the service's name in traces; a service that is not in the site file keeps its own."""
    known = site.services.get(service or site.default_service)
    return known.jaeger_name if known else service


def _as_in_jaeger(site: Site, condition: Condition) -> Condition:
    if condition.is_about_services and condition.operator == "!=":
        return replace(condition, value=name_in_jaeger(site, condition.value))
    return condition


def _absolute(start: int, end: int) -> TimeRange:
    return TimeRange(Moment(start), Moment(end))


async def _kept(site: Site, search: TraceSearch, explain: int) -> FoundTraces:
    """Ask Jaeger once for a list that is then sorted, paged and shared."""
    key = ("traces", site.name, search, explain)
    kept: FoundTraces | None = clients().kept.get(key)
    if kept is not None:
        return kept
    found = await _found(site, search, explain, settled=True)
    if not found.shared:
        clients().kept.keep(key, found, _size(found.summaries), SECONDS_KEPT)
    return found


async def _found(
    site: Site, search: TraceSearch, explain: int, *, settled: bool = False
) -> FoundTraces:
    found = await clients().jaeger(site).find(search, settled=settled)
    summaries = await _explained(site, found.summaries, explain)
    return replace(found, summaries=summaries) if summaries is not found.summaries else found


def _size(traces: Iterable[TraceSummary]) -> int:
    """Return the bytes of a list, as if no two of its traces shared a name."""
    return sum(getsizeof(part) for each in traces for part in (each, *_parts(each), *each.services))


def _parts(trace: TraceSummary) -> tuple[object, ...]:
    named = trace.trace_id, trace.service, trace.operation, trace.error, trace.services
    return *named, trace.start, trace.duration, trace.matched, trace.matched_from


async def _explained(
    site: Site, traces: tuple[TraceSummary, ...], explain: int
) -> tuple[TraceSummary, ...]:
    failing = [trace for trace in traces if trace.error_count][:explain]
    ids = [trace.trace_id for trace in failing if not trace.error]
    if not ids:
        return traces
    at_once = asyncio.Semaphore(EXPLAINED_AT_ONCE)
    asking = {each: asyncio.create_task(_explanation(site, each, at_once)) for each in ids}
    try:
        await asyncio.wait(asking.values(), timeout=patient(EXPLAINING))
    finally:
        for task in asking.values():
            task.cancel()
    found = {each: task.result() for each, task in asking.items() if task.done()}
    return tuple(
        replace(trace, error=found[trace.trace_id]) if trace.trace_id in found else trace
        for trace in traces
    )


async def _explanation(site: Site, trace_id: str, at_once: asyncio.Semaphore) -> str:
    """Return the deepest error's sentence; "" if it is unavailable: the list matters more."""
    key = (site.name, trace_id)
    if known := explanations.get(key):
        return known
    try:
        async with at_once:
            errors = (await fetch_from(site, trace_id)).errors
    except OpsError:
        return ""
    if errors:
        explanations[key] = errors[0].sentence
    return errors[0].sentence if errors else ""
