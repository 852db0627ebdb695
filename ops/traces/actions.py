"""Actions that search, show and compare traces."""

import asyncio
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from sys import getsizeof

from cachetools import LRUCache

from ops.actor import Actor
from ops.backends.clients import connections
from ops.backends.trace_search import FoundTraces, TraceSearch
from ops.backends.trace_search.slices import SECONDS_KEPT, SETTLED
from ops.errors import InvalidInput, OpsError
from ops.guard import action
from ops.metrics import watched
from ops.sites import Site, sites
from ops.traces.comparing import Comparison, Difference, compare
from ops.traces.finding import (
    MANY_SPANS,
    aligned,
    find_trace,
    full_id,
    trace_on,
    work_out_timing,
)
from ops.traces.links import links_to
from ops.traces.logs import ANY_LINE, LogFilter, LogLine, TraceLogs, build_logs
from ops.traces.trace import Trace, rows_with
from ops.traces.usual import Usual, usual_duration, usual_operations
from ops.vocabulary import timerange
from ops.vocabulary.filters import TraceQuery
from ops.vocabulary.summaries import TraceSummary
from ops.vocabulary.timerange import Moment, TimeRange

__all__ = [
    "Comparison",
    "Difference",
    "LogFilter",
    "LogLine",
    "TraceExport",
    "TraceList",
    "TraceLogs",
    "Usual",
    "compare_duration",
    "compare_traces",
    "compare_with_usual",
    "export_trace",
    "find_spans",
    "list_traces",
    "operations",
    "services",
    "show_logs",
    "show_trace",
]

READ = "traces.view_traces"
LONGEST_TEXT = 1_000
EXPLAINED_AT_ONCE = 8
BRIEF = 2  # a list is brief if its range is this many times longer than the part it covers
EXPLAINING = 5.0  # seconds after which a list goes without the remaining error sentences
QUICKLY = 10.0  # seconds for data that a page can do without
explanations: LRUCache[tuple[str, str], str] = watched("explanations", LRUCache(maxsize=5_000))


@dataclass(frozen=True, slots=True)
class TraceList:
    """The traces that a query found, newest first, ties by ID.

    A trace is listed at the time of its newest matching span within the range, `matched`, from
    `start` on and before `end`; the trace may have started long before. The list has exactly the
    newest ones, whichever the storage would return. `more` means that it was cut, by the limit or
    because enough traces had been looked at; `older` is then the query for what comes next in the
    list. Following it to the end lists every trace once. If Jaeger gave summaries of traces too
    large to read for a list, `matched` is only known to lie between two times, and such a trace
    may be listed again.

    `newer` is the range that follows, of the same length or up to now; None if this one ends
    now. `query` is the query with site and service filled in and its range absolute. `fetched`
    exceeds `len(traces)` if part of the filtering was ours: it counts all traces looked at.
    `by_status` means that the list comes from Jaeger's own summaries, which count a span as
    failed by its status alone: a span that only its tag `error=true` marks as failed is counted
    once the whole trace is read.
    """

    query: TraceQuery
    start: int
    end: int
    traces: tuple[TraceSummary, ...]
    fetched: int
    more: bool
    older: TraceQuery | None
    newer: TraceQuery | None
    by_status: bool = False

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
        before = self.older.before if self.older else None
        return min(before.time + 1, self.until) if before else self.start

    @property
    def is_brief(self) -> bool:
        """Whether it was cut so early that it covers little of its range."""
        return self.more and (self.until - self.back_to) * BRIEF < self.until - self.start


@dataclass(frozen=True, slots=True)
class TraceExport:
    """A whole trace as one OTLP JSON document.

    The pieces can be read once, and each takes some milliseconds to write: read them in a
    thread. They are made from data in memory, so nothing fails half-way, and a slow reader does
    no harm.
    """

    site: str
    trace_id: str
    pieces: Iterator[bytes]


@action("traces.services", permission=READ)
async def services(actor: Actor, *, site: str = "") -> tuple[str, ...]:
    """Return the names of the services that Jaeger knows, sorted."""
    return await connections().jaeger(sites().site(site)).services()


@action("traces.operations", permission=READ)
async def operations(actor: Actor, *, service: str, site: str = "") -> tuple[str, ...]:
    """Return the distinct operation names of a service, sorted."""
    where = sites().site(site)
    return await connections().jaeger(where).operations(_name_in_jaeger(where, service))


@action("traces.list_traces", permission=READ)
async def list_traces(
    actor: Actor,
    *,
    query: TraceQuery,
    explain: int = 0,
    whole_moments: bool = False,
    any_service: bool = False,
) -> TraceList:
    """Search traces; also look up the error's sentence for the first `explain` failing traces.

    With `whole_moments` the list exceeds its limit if more traces match in the same nanosecond
    as its last one, so that the time `back_to` is enough to continue from.

    The service is one in the site file (by default the site's default) or a name that only
    Jaeger knows. A site without a default service is searched through all its services.
    The list of an absolute range in the past may be a minute old.
    """
    now = timerange.now_ns()
    start, end = query.range.start_end(now)
    site = sites().site(query.site)
    service = query.service or ("" if any_service else site.default_service)
    search = TraceSearch(
        start=start,
        end=end,
        limit=query.limit,
        service=_name_in_jaeger(site, service) if service else "",
        operation=query.operation,
        tags=query.tags,
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
        more=found.more,
        older=_older(asked, found),
        newer=_newer(asked, start, end, now),
        by_status=found.by_status,
    )


@action("traces.show_trace", permission=READ)
async def show_trace(
    actor: Actor,
    *,
    trace_id: str,
    site: str = "",
    align: bool = False,
    newer_than: int = 0,
    timed: bool = True,
) -> Trace:
    """Return one trace by its ID, 1 to 32 hex digits in any case.

    Without a site, all sites are asked concurrently. `align` corrects clocks that differ. A cached
    trace from before `newer_than` (Unix nanoseconds) is read again; `as_of` says when it was read.
    Callers that do not need its `timing` set `timed` to False. Raises NotFound.
    """
    trace = await find_trace(full_id(trace_id), site, newer_than)
    trace = await aligned(trace) if align else trace
    if timed:
        await work_out_timing(trace)
    linked_from = links_to(trace.site, trace.trace_id)
    return replace(trace, linked_from=linked_from) if linked_from else trace


@action("traces.show_logs", permission=READ)
async def show_logs(
    actor: Actor, *, trace_id: str, site: str = "", filter: LogFilter = ANY_LINE
) -> TraceLogs:
    """Return the events of a trace; without a filter, all of them. Raises NotFound.

    Each line is parsed when it is accessed, which takes some 10 µs: read many in a thread.
    """
    trace = await find_trace(full_id(trace_id), site)
    return await asyncio.to_thread(build_logs, trace, filter)


@action("traces.export_trace", permission=READ)
async def export_trace(actor: Actor, *, trace_id: str, site: str = "") -> TraceExport:
    """Return a trace in the format that Jaeger and other programs import. Raises NotFound."""
    trace = await find_trace(full_id(trace_id), site)
    return TraceExport(trace.site, trace.trace_id, trace.rows.spans.store.otlp_json())


@action("traces.find_spans", permission=READ)
async def find_spans(
    actor: Actor, *, trace_id: str, text: str, site: str = "", align: bool = False
) -> tuple[int, ...]:
    """Return the rows of a trace whose spans contain a string, or `key=value`.

    The rows are those of `show_trace` with the same `align`.

    Raises NotFound, or InvalidInput if there is nothing to search for.
    """
    wanted = text.strip()
    if not 1 <= len(wanted) <= LONGEST_TEXT:
        raise InvalidInput(f"enter 1 to {LONGEST_TEXT:,} characters to search for")
    trace = await find_trace(full_id(trace_id), site)
    trace = await aligned(trace) if align else trace
    return await asyncio.to_thread(rows_with, trace, wanted)


@action("traces.compare_traces", permission=READ)
async def compare_traces(actor: Actor, *, trace_ids: Sequence[str], site: str = "") -> Comparison:
    """Compare two traces of one site by their IDs.

    Raises NotFound, or InvalidInput if they are not two, or are on different sites.
    """
    first, second = await asyncio.gather(*(find_trace(each, site) for each in _two(trace_ids)))
    if first.site != second.site:
        raise InvalidInput(
            f"the first trace is on the site {first.site}, the second on {second.site}; "
            "compare two traces of the same site"
        )
    if first.span_count + second.span_count < MANY_SPANS:
        return compare(first, second)
    return await asyncio.to_thread(compare, first, second)


@action("traces.compare_duration", permission=READ, deadline=QUICKLY)
async def compare_duration(actor: Actor, *, trace_id: str, site: str = "") -> Usual:
    """Compare a trace's duration with the usual one, by one search. Raises NotFound."""
    return await usual_duration(await find_trace(full_id(trace_id), site))


@action("traces.compare_with_usual", permission=READ)
async def compare_with_usual(actor: Actor, *, trace_id: str, site: str = "") -> Usual:
    """Compare a trace with recent successful ones of its root operation. Raises NotFound."""
    return await usual_operations(await find_trace(full_id(trace_id), site))


def _two(trace_ids: Sequence[str]) -> list[str]:
    """Return two full IDs; raises InvalidInput."""
    if len(trace_ids) == 1:
        raise InvalidInput("only one trace is given; add the ID of a second one to compare it with")
    if len(trace_ids) != 2:
        raise InvalidInput(f"{len(trace_ids) or 'no'} traces are given; a comparison needs two")
    ids = [full_id(each) for each in trace_ids]
    if ids[0] == ids[1]:
        raise InvalidInput(f"{ids[0]} is given twice; a comparison needs two different traces")
    return ids


def _name_in_jaeger(site: Site, service: str) -> str:
    known = site.services.get(service or site.default_service)
    return known.jaeger_name if known else service


def _absolute(start: int, end: int) -> TimeRange:
    return TimeRange(Moment(start), Moment(end))


def _older(query: TraceQuery, found: FoundTraces) -> TraceQuery | None:
    """Return the query for what comes next, within the very range that was searched."""
    if found.rest is None:
        return None
    searched = replace(query.range, end=Moment(found.end))
    return replace(query, range=searched, before=found.rest)


def _newer(query: TraceQuery, start: int, end: int, now: int) -> TraceQuery | None:
    if end >= now - timerange.SECOND:
        return None
    return replace(query, range=_absolute(end, min(end + end - start, now)), before=None)


async def _kept(site: Site, search: TraceSearch, explain: int) -> FoundTraces:
    """Ask Jaeger once for a list that is then sorted, paged and shared."""
    key = ("traces", site.name, search, explain)
    kept: FoundTraces | None = connections().kept.get(key)
    if kept is not None:
        return kept
    found = await _found(site, search, explain, settled=True)
    if not found.shared:
        connections().kept.keep(key, found, _size(found.summaries), SECONDS_KEPT)
    return found


async def _found(
    site: Site, search: TraceSearch, explain: int, *, settled: bool = False
) -> FoundTraces:
    found = await connections().jaeger(site).find(search, settled=settled)
    return replace(found, summaries=await _explained(site, found.summaries, explain))


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
    at_once = asyncio.Semaphore(EXPLAINED_AT_ONCE)
    asking = {each: asyncio.create_task(_explanation(site, each, at_once)) for each in ids}
    try:
        if asking:
            await asyncio.wait(asking.values(), timeout=EXPLAINING)
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
            errors = (await trace_on(site, trace_id)).errors
    except OpsError:
        return ""
    if errors:
        explanations[key] = errors[0].sentence
    return errors[0].sentence if errors else ""
