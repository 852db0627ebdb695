"""What people do with traces."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from cachetools import LRUCache

from ops import timerange
from ops.actor import Actor
from ops.backends.connections import connections
from ops.backends.searching import TraceSearch
from ops.errors import OpsError
from ops.filters import LARGEST_LIMIT, TraceQuery
from ops.guard import action
from ops.sites import Site, sites
from ops.timerange import Moment, TimeRange
from ops.traces.finding import find_trace, full_id
from ops.traces.logs import LogLine, TraceLogs, build_logs
from ops.traces.spans import Span
from ops.traces.summaries import TraceSummary
from ops.traces.tree import Trace, build_trace

__all__ = [
    "LogLine",
    "TraceList",
    "TraceLogs",
    "list_traces",
    "operations",
    "services",
    "show_logs",
    "show_trace",
]

T = TypeVar("T")
READ = "traces.view_traces"
MANY_SPANS = 1_000  # from here on building takes more than about 5 ms
EXPLAINED_AT_ONCE = 8
explanations: LRUCache[tuple[str, str], str] = LRUCache(maxsize=5_000)


@dataclass(frozen=True, slots=True)
class TraceList:
    """The traces that a query found, newest first, ties by id.

    A trace belongs to the range that it starts in: at `start` or later and before `end`. The
    list has exactly the newest of them, whichever a storage would keep, and `more` means that
    it was cut: by the limit, or where our own filtering had looked at enough. `older` then
    asks for what comes before. Who follows it to its end sees every trace of the range once;
    again only those that start in the same nanosecond as the last of a list. The exception is
    a trace whose matching span starts more than five seconds after the trace does: it may be
    missing in a list that ends between the two.

    `newer` is the range that follows, as long again or up to now; None where this one ends in
    the present. `query` is the query with site and service filled in and its range absolute.
    `fetched` is more than `len(traces)` when part of the filtering was ours: it counts what
    was looked at for them.
    """

    query: TraceQuery
    start: int
    end: int
    traces: tuple[TraceSummary, ...]
    fetched: int
    more: bool
    older: TraceQuery | None
    newer: TraceQuery | None


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
    now = timerange.now_ns()
    start, end = query.range.start_end(now)
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
        older=None if found.rest is None else _older(asked, start, end, found.rest),
        newer=_newer(asked, start, end, now),
    )


@action("traces.show_trace", permission=READ)
async def show_trace(actor: Actor, *, trace_id: str, site: str = "") -> Trace:
    """Return one trace by its id, 1 to 32 hex digits in any case.

    Without a site all sites are asked at once. Raises NotFound.
    """
    full = full_id(trace_id)
    where, spans = await find_trace(full, site)
    return await _built(build_trace, where, full, spans)


@action("traces.show_logs", permission=READ)
async def show_logs(actor: Actor, *, trace_id: str, site: str = "") -> TraceLogs:
    """Return every event of a trace. Raises NotFound."""
    full = full_id(trace_id)
    where, spans = await find_trace(full, site)
    return await _built(build_logs, where, full, spans)


def _name_in_jaeger(site: Site, service: str) -> str:
    known = site.services.get(service or site.default_service)
    return known.jaeger_name if known else service


def _absolute(start: int, end: int) -> TimeRange:
    return TimeRange(Moment(start), Moment(end))


def _older(query: TraceQuery, start: int, end: int, rest: int) -> TraceQuery | None:
    """Ask for what starts before `rest`.

    Where that is the whole range again, more traces start together than the list has room for,
    and only a longer list goes on.
    """
    if rest < end:
        return replace(query, range=_absolute(start, rest))
    if query.limit < LARGEST_LIMIT:
        return replace(query, limit=min(query.limit * 2, LARGEST_LIMIT))
    return replace(query, range=_absolute(start, end - 1)) if end - 1 > start else None


def _newer(query: TraceQuery, start: int, end: int, now: int) -> TraceQuery | None:
    if end >= now - timerange.SECOND:
        return None
    return replace(query, range=_absolute(end, min(end + end - start, now)))


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
            spans = await connections().jaeger(site).trace(trace_id)
    except OpsError:
        return ""
    errors = (await _built(build_trace, site, trace_id, spans)).errors
    if errors:
        explanations[key] = errors[0].sentence
    return errors[0].sentence if errors else ""


async def _built(
    build: Callable[[str, str, Sequence[Span], str], T],
    site: Site,
    trace_id: str,
    spans: Sequence[Span],
) -> T:
    ui = site.jaeger.ui if site.jaeger else ""
    url = f"{ui}/trace/{trace_id}" if ui else ""
    if len(spans) < MANY_SPANS:
        return build(site.name, trace_id, spans, url)
    return await asyncio.to_thread(build, site.name, trace_id, spans, url)
