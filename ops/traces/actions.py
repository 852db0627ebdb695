"""What people do with traces."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace

from cachetools import LRUCache

from ops.actor import Actor
from ops.backends.connections import connections
from ops.backends.jaeger import TraceSearch
from ops.errors import InvalidInput, OpsError
from ops.filters import TraceQuery
from ops.guard import action
from ops.sites import Site, sites
from ops.timerange import Moment, TimeRange
from ops.traces.comparing import Comparison, Difference, compare
from ops.traces.finding import MANY_SPANS, find_trace, full_id, trace_on
from ops.traces.logs import LogLine, TraceLogs, build_logs
from ops.traces.summaries import TraceSummary
from ops.traces.tree import Trace, rows_with
from ops.traces.usual import Usual, usual_duration, usual_operations

__all__ = [
    "Comparison",
    "Difference",
    "LogLine",
    "TraceList",
    "TraceLogs",
    "Usual",
    "compare_duration",
    "compare_traces",
    "compare_with_usual",
    "find_spans",
    "list_traces",
    "operations",
    "services",
    "show_logs",
    "show_trace",
]

READ = "traces.view_traces"
MANY_EVENTS = 200  # from here on reading them takes more than about 5 ms
LONGEST_TEXT = 1_000
EXPLAINED_AT_ONCE = 8
QUICKLY = 10.0  # seconds for what a page can do without
explanations: LRUCache[tuple[str, str], str] = LRUCache(maxsize=5_000)


@dataclass(frozen=True, slots=True)
class TraceList:
    """The traces that a query found, newest first, ties by id.

    `query` is the query with site and service filled in and its range absolute. `fetched` is
    how many traces the backend returned; it is more than `len(traces)` when part of the
    filtering was ours. `more` means that the limit cut the list: `older` then asks for what
    comes before, None when nothing says where to go on.

    `older` ends where the oldest trace of the list starts. Backends count both ends of a range
    in, so that trace can come again at the head of the older list, but one that starts with it
    and was cut is not lost. Which traces a limit keeps is the backend's choice, mostly the last
    written: a trace written long after it started may stand in neither list.
    """

    query: TraceQuery
    start: int
    end: int
    traces: tuple[TraceSummary, ...]
    fetched: int
    more: bool
    older: TraceQuery | None


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
async def list_traces(actor: Actor, *, query: TraceQuery, explain: int = 0) -> TraceList:
    """Search. For the first `explain` failing traces the error's sentence is looked up too.

    The service is one of the site file, by default the site's default, or a name that only
    Jaeger knows. A site without a default service is searched through all its services.
    """
    start, end = query.range.start_end()
    site = sites().site(query.site)
    service = query.service or site.default_service
    found = (
        await connections()
        .jaeger(site)
        .find(
            TraceSearch(
                start=start,
                end=end,
                limit=query.limit,
                service=_name_in_jaeger(site, service),
                operation=query.operation,
                tags=query.tags,
                span_min=query.span_min,
                span_max=query.span_max,
                trace_min=query.trace_min,
                trace_max=query.trace_max,
            )
        )
    )
    asked = replace(query, site=site.name, service=service, range=_absolute(start, end))
    return TraceList(
        query=asked,
        start=start,
        end=end,
        traces=await _explained(site, found.summaries, explain),
        fetched=found.fetched,
        more=found.more,
        older=_older(asked, start, end, found.summaries) if found.more else None,
    )


@action("traces.show_trace", permission=READ)
async def show_trace(actor: Actor, *, trace_id: str, site: str = "") -> Trace:
    """Return one trace by its id, 1 to 32 hex digits in any case.

    Without a site all sites are asked at once. Raises NotFound.
    """
    return await find_trace(full_id(trace_id), site)


@action("traces.show_logs", permission=READ)
async def show_logs(actor: Actor, *, trace_id: str, site: str = "") -> TraceLogs:
    """Return every event of a trace. Raises NotFound."""
    trace = await find_trace(full_id(trace_id), site)
    many = sum(trace.rows.spans.events) > MANY_EVENTS
    return await asyncio.to_thread(build_logs, trace) if many else build_logs(trace)


@action("traces.find_spans", permission=READ)
async def find_spans(actor: Actor, *, trace_id: str, text: str, site: str = "") -> tuple[int, ...]:
    """Return the rows of a trace whose spans have a text anywhere in them, or `key=value`.

    Raises NotFound, or InvalidInput when there is nothing to look for.
    """
    wanted = text.strip()
    if not 1 <= len(wanted) <= LONGEST_TEXT:
        raise InvalidInput(f"write what to look for, 1 to {LONGEST_TEXT:,} characters")
    trace = await find_trace(full_id(trace_id), site)
    return await asyncio.to_thread(rows_with, trace, wanted)


@action("traces.compare_traces", permission=READ)
async def compare_traces(actor: Actor, *, trace_ids: Sequence[str], site: str = "") -> Comparison:
    """Compare two traces of one site by their ids.

    Raises NotFound, or InvalidInput when they are not two, or on different sites.
    """
    first, second = await asyncio.gather(*(find_trace(each, site) for each in _two(trace_ids)))
    if first.site != second.site:
        raise InvalidInput(
            f"the first trace is on the site {first.site}, the second on {second.site}; "
            "comparing takes two of one site"
        )
    if first.span_count + second.span_count < MANY_SPANS:
        return compare(first, second)
    return await asyncio.to_thread(compare, first, second)


@action("traces.compare_duration", permission=READ, deadline=QUICKLY)
async def compare_duration(actor: Actor, *, trace_id: str, site: str = "") -> Usual:
    """Say how long such a trace usually takes; quick, it reads no other trace. Raises NotFound."""
    return await usual_duration(await find_trace(full_id(trace_id), site))


@action("traces.compare_with_usual", permission=READ)
async def compare_with_usual(actor: Actor, *, trace_id: str, site: str = "") -> Usual:
    """Compare a trace with the recent successful ones of its root operation. Raises NotFound."""
    return await usual_operations(await find_trace(full_id(trace_id), site))


def _two(trace_ids: Sequence[str]) -> list[str]:
    """Return two full ids; raises InvalidInput."""
    if len(trace_ids) == 1:
        raise InvalidInput("one trace is given; give the id of a second one to compare it with")
    if len(trace_ids) != 2:
        raise InvalidInput(f"{len(trace_ids) or 'no'} traces are given; comparing takes two")
    ids = [full_id(each) for each in trace_ids]
    if ids[0] == ids[1]:
        raise InvalidInput(f"{ids[0]} is given twice; comparing takes two different traces")
    return ids


def _name_in_jaeger(site: Site, service: str) -> str:
    known = site.services.get(service or site.default_service)
    return known.jaeger_name if known else service


def _absolute(start: int, end: int) -> TimeRange:
    return TimeRange(Moment(start), Moment(end))


def _older(
    query: TraceQuery, start: int, end: int, traces: Sequence[TraceSummary]
) -> TraceQuery | None:
    """Ask for what starts before the oldest of these traces.

    A trace that starts before the range, and only reaches into it, does not count. The range
    gets shorter by at least a nanosecond, so that going on always comes to an end.
    """
    oldest = min((trace.start for trace in traces if trace.start > start), default=start)
    earlier_end = min(oldest, end - 1)
    return replace(query, range=_absolute(start, earlier_end)) if earlier_end > start else None


async def _explained(
    site: Site, traces: tuple[TraceSummary, ...], explain: int
) -> tuple[TraceSummary, ...]:
    failing = [trace for trace in traces if trace.error_count][:explain]
    ids = [trace.trace_id for trace in failing if not trace.error]
    at_once = asyncio.Semaphore(EXPLAINED_AT_ONCE)
    sentences = await asyncio.gather(*(_explanation(site, each, at_once) for each in ids))
    found = dict(zip(ids, sentences, strict=True))
    return tuple(
        replace(trace, error=found[trace.trace_id]) if trace.trace_id in found else trace
        for trace in traces
    )


async def _explanation(site: Site, trace_id: str, at_once: asyncio.Semaphore) -> str:
    """Return the deepest error's sentence; "" when it cannot be had: the list is worth more."""
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
