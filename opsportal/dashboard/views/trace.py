"""`/traces/ID/` and `/traces/ID/logs/`: one trace, and what it logged."""

from dataclasses import dataclass

from django.http import HttpResponse, HttpResponseRedirect
from django.views.decorators.http import require_safe

from ops.timerange import format_duration
from ops.traces import actions
from ops.traces.actions import TraceLogs
from ops.traces.tree import Row, Trace
from opsportal.dashboard import drawing, words
from opsportal.dashboard.drawing import Bar
from opsportal.dashboard.pages import Visit, page, sheet, url

ROWS = 500
LOG_LINES = 500
ERRORS = 8
DEEPEST = 30  # indents stop here


@require_safe
@page
async def show(visit: Visit, trace_id: str) -> HttpResponse:
    """`?span=ID` opens that span, on whichever sheet it is."""
    trace = await actions.show_trace(visit.actor, trace_id=trace_id, site=visit.asked)
    if trace.site != visit.site.name:
        return HttpResponseRedirect(url("traces-one", trace.site, trace_id=trace.trace_id))
    return await visit.render("pages/trace.html", _context(visit, trace))


@require_safe
@page
async def logs(visit: Visit, trace_id: str) -> HttpResponse:
    """Every event of the trace, in time order."""
    found = await actions.show_logs(visit.actor, trace_id=trace_id, site=visit.asked)
    if found.site != visit.site.name:
        return HttpResponseRedirect(url("traces-logs", found.site, trace_id=found.trace_id))
    return await visit.render(
        "pages/logs.html",
        {
            "heading": _logs_heading(found),
            "logs": found,
            "sheet": sheet(visit.request, found.lines, LOG_LINES),
        },
    )


@dataclass(frozen=True, slots=True)
class Line:
    """A row of the waterfall as it is drawn; `bar` is None for a missing parent.

    `critical` is where the critical path runs through it: x and width in percent.
    """

    row: Row
    indent: int
    colour: int
    bar: Bar | None
    critical: list[tuple[str, str]]
    offset: int
    open: bool


def _context(visit: Visit, trace: Trace) -> dict[str, object]:
    wanted = visit.request.GET.get("span", "")
    ids = [row.span.span_id if row.span else row.missing_id for row in trace.rows]
    holding = ids.index(wanted) if wanted in ids else 0
    colours = drawing.colours(trace.services)
    rows = sheet(visit.request, trace.rows, ROWS, holding)
    critical = _critical(trace)
    return {
        "heading": _heading(trace),
        "trace": trace,
        "events": sum(len(row.span.events) for row in trace.rows if row.span),
        "errors": [(error, ids[error.row]) for error in trace.errors[:ERRORS]],
        "more_errors": len(trace.errors) - ERRORS,
        "legend": [(service, colours[service]) for service in trace.services],
        "ruler": [format_duration(trace.duration * part // 4) for part in range(1, 5)],
        "sheet": rows,
        "lines": [
            _line(trace, row, colours, critical.get(index, []), wanted)
            for index, row in enumerate(rows.items, rows.first - 1)
        ],
    }


def _critical(trace: Trace) -> dict[int, list[tuple[str, str]]]:
    found: dict[int, list[tuple[str, str]]] = {}
    for part in trace.timing.path:
        place = drawing.stretch(part.start - trace.start, part.end - part.start, trace.duration)
        found.setdefault(part.row, []).append(place)
    return found


def _line(
    trace: Trace,
    row: Row,
    colours: dict[str, int],
    critical: list[tuple[str, str]],
    wanted: str,
) -> Line:
    span, indent = row.span, min(row.depth, DEEPEST)
    if span is None:
        return Line(row, indent, 0, None, critical, 0, open=row.missing_id == wanted)
    offset = span.start - trace.start
    place = drawing.bar(offset, span.duration, trace.duration)
    colour = colours.get(span.service, 1)
    return Line(row, indent, colour, place, critical, offset, open=span.span_id == wanted)


def _heading(trace: Trace) -> str:
    """`petstore SearchPets failed after 1.24 s`."""
    root = next((row.span for row in trace.rows if row.span and not row.span.parent_id), None)
    subject = _subject(trace.service, trace.operation)
    took = format_duration(trace.duration)
    if root and root.error:
        return f"{subject} failed after {took}"
    failed = f", {words.count(len(trace.errors), 'span')} failed" if trace.errors else ""
    return f"{subject} took {took}{failed}"


def _logs_heading(logs: TraceLogs) -> str:
    subject = _subject(logs.service, logs.operation)
    if not logs.lines:
        return f"{subject} logged nothing"
    return f"{subject} logged {words.count(len(logs.lines), 'line')}"


def _subject(service: str, operation: str) -> str:
    if not (service or operation):
        return "A trace without its root"
    return f"{words.name(service)} {words.name(operation)}"
