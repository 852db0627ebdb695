"""`/traces/ID/` and what its page fetches: one trace, its rows, its spans."""

import asyncio
from dataclasses import dataclass
from urllib.parse import urlencode

from django.http import HttpResponse, HttpResponseRedirect, JsonResponse
from django.views.decorators.http import require_safe

from ops.errors import Conflict, NotFound
from ops.timerange import format_duration
from ops.traces import actions
from ops.traces.tree import SpanError, Trace
from opsportal.dashboard import drawing, waterfall, words
from opsportal.dashboard.pages import page
from opsportal.dashboard.sheets import sheet
from opsportal.dashboard.visit import Visit, url

ROWS = 500
FAILURES = 3  # that stand above the waterfall; some more fold up
MORE_FAILURES = 20
LONG_PATH = 6
OPERATIONS = 10


@require_safe
@page(actions.show_trace)
async def show(visit: Visit, trace_id: str) -> HttpResponse:
    """`?span=ID` opens that span, on whichever sheet it is."""
    trace = await actions.show_trace(visit.actor, trace_id=trace_id, site=visit.asked)
    if trace.site != visit.site.name:
        return HttpResponseRedirect(url("traces-one", trace.site, trace_id=trace.trace_id))
    return await visit.render("pages/trace.html", _context(visit, trace))


@require_safe
@page(actions.show_trace)
async def rows(visit: Visit, trace_id: str) -> HttpResponse:
    """All rows as columns, for the script; see opsportal.dashboard.waterfall."""
    trace = await actions.show_trace(visit.actor, trace_id=trace_id, site=visit.site.name)
    content = await asyncio.to_thread(waterfall.columns, trace)
    headers = {"Content-Encoding": "gzip"}
    return HttpResponse(content, content_type="application/octet-stream", headers=headers)


@require_safe
@page(actions.show_trace)
async def span(visit: Visit, trace_id: str, row: int) -> HttpResponse:
    """What one row's span carries, as a piece; `?of=` is how many rows the page knows."""
    trace = await actions.show_trace(visit.actor, trace_id=trace_id, site=visit.site.name)
    if visit.request.GET.get("of") != str(len(trace.rows)):
        raise Conflict("the trace has grown meanwhile; load the page again")
    if row >= len(trace.rows):
        raise NotFound(f"the trace has {len(trace.rows)} rows, there is none of number {row}")
    return await visit.render("partials/span.html", _opened(trace, row))


@require_safe
@page(actions.find_spans)
async def find(visit: Visit, trace_id: str) -> HttpResponse:
    """The rows that have a text in them, for the script."""
    text = visit.request.GET.get("q", "")
    found = await actions.find_spans(
        visit.actor, trace_id=trace_id, text=text, site=visit.site.name
    )
    return JsonResponse({"rows": found})


def _context(visit: Visit, trace: Trace) -> dict[str, object]:
    wanted = visit.request.GET.get("span", "")
    opened = trace.rows.of_id(wanted) if wanted else None
    shown = sheet(visit.request, range(len(trace.rows)), ROWS, opened or 0)
    colours = drawing.colours(trace.services)
    return {
        "heading": _heading(trace),
        "trace": trace,
        "events": sum(trace.rows.spans.events),
        **_failures(trace),
        **_timing(trace),
        "legend": [(service, colours[service]) for service in trace.services],
        "ruler": [format_duration(trace.duration * part // 4) for part in range(1, 5)],
        "sheet": shown,
        "lines": waterfall.lines(trace, shown.first - 1, shown.last),
        "opened": opened,
        **(_opened(trace, opened) if opened is not None else {}),
    }


@dataclass(frozen=True, slots=True)
class Failure:
    """What failed alike, by the deepest span of it: how many times, and the way to that span.

    `caused` says that a failure named before is below it.
    """

    error: SpanError
    span_id: str
    times: int
    path: tuple[str, ...]
    caused: bool


def _failures(trace: Trace) -> dict[str, object]:
    alike: dict[tuple[str, str, str], list[SpanError]] = {}
    for error in trace.errors:
        alike.setdefault((error.service, error.operation, error.message), []).append(error)
    named: list[Failure] = []
    above: set[int] = set()
    for errors in list(alike.values())[: FAILURES + MORE_FAILURES]:
        row = errors[0].row
        named.append(
            Failure(
                error=errors[0],
                span_id=trace.rows.span_id(row),
                times=len(errors),
                path=_short(errors[0].path),
                caused=row in above,
            )
        )
        while (row := trace.rows.parents[row]) >= 0 and row not in above:
            above.add(row)
    return {
        "failures": named[:FAILURES],
        "more_failures": named[FAILURES:],
        "more_errors": trace.error_count - sum(each.times for each in named),
    }


def _short(path: tuple[str, ...]) -> tuple[str, ...]:
    return path if len(path) <= LONG_PATH else (*path[:2], "…", *path[-3:])


def _timing(trace: Trace) -> dict[str, object]:
    """The operations with the most of the time and the longest gaps, each with a span to go to."""
    rows, timing = trace.rows, trace.timing
    return {
        "operations": [(each, rows.span_id(each.row)) for each in timing.operations[:OPERATIONS]],
        "more_operations": len(timing.operations) - OPERATIONS,
        "gaps": [
            (gap, " ".join(rows.spans.names[rows.numbers[gap.row]]), rows.span_id(gap.row))
            for gap in timing.gaps
        ],
    }


def _opened(trace: Trace, row: int) -> dict[str, object]:
    """What the piece about one span needs."""
    number = trace.rows.span(row)
    url = trace.jaeger_url
    return {
        "trace": trace,
        "span": trace.rows[row].span,
        "missing_id": trace.rows.span_id(row) if number is None else "",
        "own": trace.timing.own[row],
        "jaeger_url": f"{url}?{urlencode({'uiFind': trace.rows.span_id(row)})}" if url else "",
    }


def _heading(trace: Trace) -> str:
    """`petstore SearchPets failed after 1.24 s`."""
    spans = trace.rows.spans
    subject = words.root(trace.service, trace.operation)
    took = format_duration(trace.duration)
    if spans.root in spans.failing:
        return f"{subject} failed after {took}"
    failed = f", {words.count(trace.error_count, 'span')} failed" if trace.error_count else ""
    return f"{subject} took {took}{failed}"
