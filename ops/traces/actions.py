"""Actions that search, show and compare traces."""

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from ops.actor import Actor
from ops.backends.clients import clients
from ops.errors import InvalidInput
from ops.guard import action
from ops.sites import sites
from ops.traces.comparing import Comparison, Difference, compare
from ops.traces.fetching import (
    MANY_SPANS,
    aligned,
    fetch_trace,
    full_id,
    two_ids,
    work_out_timing,
)
from ops.traces.links import links_to
from ops.traces.listing import TraceList, find_traces, name_in_jaeger
from ops.traces.logs import ANY_LINE, LogFilter, LogLine, TraceLogs, build_logs
from ops.traces.trace import Trace
from ops.traces.unmatched import Unmatched, why_unmatched
from ops.traces.usual_timing import UsualTiming, usual_duration, usual_operations
from ops.traces.window_reading import compare as compare_two_windows
from ops.traces.windows import (
    STEP,
    FailureGroup,
    Share,
    Statement,
    StatementKind,
    Window,
    WindowComparison,
)
from ops.vocabulary.filters import TraceQuery
from ops.vocabulary.timerange import format_moment

__all__ = [
    "STEP",
    "Comparison",
    "Difference",
    "FailureGroup",
    "LogFilter",
    "LogLine",
    "Share",
    "Statement",
    "StatementKind",
    "TraceExport",
    "TraceList",
    "TraceLogs",
    "Unmatched",
    "UsualTiming",
    "Window",
    "WindowComparison",
    "compare_duration",
    "compare_traces",
    "compare_windows",
    "compare_with_usual",
    "explain_no_match",
    "export_trace",
    "find_spans",
    "full_id",
    "list_traces",
    "operations",
    "services",
    "show_logs",
    "show_trace",
    "two_ids",
]

READ = "traces.view_traces"
LONGEST_TEXT = 1_000
QUICKLY = 10.0  # seconds for data that a page can do without


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
    return await clients().jaeger(sites().site(site)).services()


@action("traces.operations", permission=READ)
async def operations(actor: Actor, *, service: str, site: str = "") -> tuple[str, ...]:
    """Return the distinct operation names of a service, sorted."""
    where = sites().site(site)
    return await clients().jaeger(where).operations(name_in_jaeger(where, service))


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
    Jaeger knows. A site without a default service is searched through all its services, and so
    are searches with a condition on the service.
    The list of an absolute range in the past may be a minute old.
    """
    return await find_traces(query, explain, whole_moments=whole_moments, any_service=any_service)


@action("traces.explain_no_match", permission=READ)
async def explain_no_match(actor: Actor, *, query: TraceQuery) -> Unmatched | None:
    """Return what a search that found nothing asks for but no trace has, with what may be meant.

    The query is the list's, with its service filled in. None if it asks for nothing of that kind,
    or if finding out fails or takes longer than two seconds.
    """
    return await why_unmatched(query)


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
    trace = await fetch_trace(full_id(trace_id), site, newer_than)
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
    trace = await fetch_trace(full_id(trace_id), site)
    return await asyncio.to_thread(build_logs, trace, filter)


@action("traces.export_trace", permission=READ)
async def export_trace(actor: Actor, *, trace_id: str, site: str = "") -> TraceExport:
    """Return a trace in the format that Jaeger and other programs import. Raises NotFound."""
    trace = await fetch_trace(full_id(trace_id), site)
    return TraceExport(trace.site, trace.trace_id, trace.spans.store.otlp_json())


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
    trace = await fetch_trace(full_id(trace_id), site)
    trace = await aligned(trace) if align else trace
    return await asyncio.to_thread(trace.rows_with, wanted)


@action("traces.compare_traces", permission=READ)
async def compare_traces(actor: Actor, *, trace_ids: Sequence[str], site: str = "") -> Comparison:
    """Compare two traces of one site by their IDs.

    Raises NotFound, or InvalidInput if they are not two, or are on different sites.
    """
    first, second = await asyncio.gather(*(fetch_trace(each, site) for each in two_ids(trace_ids)))
    if first.site != second.site:
        raise InvalidInput(
            f"the first trace is on the site {first.site}, the second on {second.site}; "
            "compare two traces of the same site"
        )
    if first.span_count + second.span_count < MANY_SPANS:
        return compare(first, second)
    return await asyncio.to_thread(compare, first, second)


@action("traces.compare_duration", permission=READ, deadline=QUICKLY)
async def compare_duration(actor: Actor, *, trace_id: str, site: str = "") -> UsualTiming:
    """Compare a trace's duration with the usual one, by one search. Raises NotFound."""
    return await usual_duration(await fetch_trace(full_id(trace_id), site))


@action("traces.compare_with_usual", permission=READ)
async def compare_with_usual(actor: Actor, *, trace_id: str, site: str = "") -> UsualTiming:
    """Compare a trace with recent successful ones of its root operation. Raises NotFound."""
    return await usual_operations(await fetch_trace(full_id(trace_id), site))


@action("traces.compare_windows", permission=READ)
async def compare_windows(
    actor: Actor,
    *,
    service: str,
    start: int,
    end: int,
    before_start: int,
    before_end: int,
    site: str = "",
) -> WindowComparison:
    """Compare a service's traces of two windows (Unix nanoseconds), by one search for each.

    Only differences that are not chance become statements. The service is one in the site file
    or a name that only Jaeger knows. Raises InvalidInput if a window does not start before its
    end, or the earlier one does not end before the other.
    """
    where = sites().site(site)
    if not 0 <= before_start < before_end <= start < end:
        raise InvalidInput(
            f"the windows must follow each other: {format_moment(before_start)} to "
            f"{format_moment(before_end)}, then {format_moment(start)} to {format_moment(end)}"
        )
    name = service or where.default_service
    return await compare_two_windows(where, name, (start, end), (before_start, before_end))
