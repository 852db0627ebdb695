"""`/traces/ID/` and what its page requests: one trace, its rows, its spans."""

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from urllib.parse import urlencode

from django.http import HttpResponse, HttpResponseRedirect, JsonResponse
from django.utils.safestring import SafeString
from django.views.decorators.http import require_safe

from ops.errors import Conflict, NotFound
from ops.traces import actions
from ops.traces.links import SpanLink
from ops.traces.trace import SpanError, Trace
from ops.vocabulary.spans import Process, Span
from ops.vocabulary.timerange import MINUTE, SECOND, format_duration
from opsportal.dashboard import drawing, waterfall, words
from opsportal.dashboard.pages import page
from opsportal.dashboard.sheets import sheet
from opsportal.dashboard.visit import Visit, url

ROWS = 500
FAILURES = 3  # shown above the waterfall; some more are folded
MORE_FAILURES = 20
LONG_PATH = 6
OPERATIONS = 10
MOST_OPENED = 10  # spans with the same ID
LEGEND = 12  # services; the others are folded
PLACES = 3  # of a service
LATE = 10 * MINUTE  # after the trace's end the page stops checking for new spans by itself
NEWS = 2 * SECOND  # the oldest answer to a check for new spans


@require_safe
@page(actions.show_trace)
async def show(visit: Visit, trace_id: str) -> HttpResponse:
    """Show a trace. `?span=ID` opens the spans with that ID, on whichever sheet they are.

    `?align=1` aligns clocks that differ, `?fresh=1` bypasses the cache.
    """
    fresh = visit.clock.now if "fresh" in visit.request.GET else 0
    trace = await actions.show_trace(
        visit.actor,
        trace_id=trace_id,
        site=visit.asked,
        align="align" in visit.request.GET,
        newer_than=fresh,
    )
    if trace.site != visit.site.name:
        asked = visit.request.GET.urlencode()
        address = url("traces-one", trace.site, trace_id=trace.trace_id)
        return HttpResponseRedirect(f"{address}?{asked}" if asked else address)
    return await visit.render("pages/trace.html", _context(visit, trace))


@require_safe
@page(actions.show_trace)
async def news(visit: Visit, trace_id: str) -> HttpResponse:
    """Return how many spans the trace has now; the script asks every few seconds."""
    trace = await actions.show_trace(
        visit.actor,
        trace_id=trace_id,
        site=visit.site.name,
        newer_than=(visit.clock.now - NEWS) // SECOND * SECOND,
        timed=False,
    )
    spans = trace.span_count + trace.rows.spans.copies
    return JsonResponse({"spans": spans, "as_of": visit.clock.both(trace.as_of)})


@require_safe
@page(actions.show_trace)
async def rows(visit: Visit, trace_id: str) -> HttpResponse:
    """Return all rows as columns, for the script; see opsportal.dashboard.waterfall."""
    trace = await _trace(visit, trace_id)
    content = await asyncio.to_thread(waterfall.columns, trace)
    headers = {"Content-Encoding": "gzip"}
    return HttpResponse(content, content_type="application/octet-stream", headers=headers)


@require_safe
@page(actions.show_trace)
async def span(visit: Visit, trace_id: str, row: int) -> HttpResponse:
    """Return the details of one row's span, as a piece; `?of=` is the page's number of rows."""
    trace = await _trace(visit, trace_id)
    if visit.request.GET.get("of") != str(len(trace.rows)):
        raise Conflict("the trace has new spans; reload the page")
    if row >= len(trace.rows):
        raise NotFound(f"there is no row {row}; the trace has {len(trace.rows)} rows")
    return await visit.render("partials/span.html", {"trace": trace, "opened": _opened(trace, row)})


@require_safe
@page(actions.find_spans)
async def find(visit: Visit, trace_id: str) -> HttpResponse:
    """Return the rows that contain a text, for the script."""
    text = visit.request.GET.get("q", "")
    found = await actions.find_spans(
        visit.actor,
        trace_id=trace_id,
        text=text,
        site=visit.site.name,
        align="align" in visit.request.GET,
    )
    return JsonResponse({"rows": found})


async def _trace(visit: Visit, trace_id: str) -> Trace:
    """Return the trace whose rows the page has, aligned if the page is."""
    return await actions.show_trace(
        visit.actor,
        trace_id=trace_id,
        site=visit.site.name,
        align="align" in visit.request.GET,
    )


def _context(visit: Visit, trace: Trace) -> dict[str, object]:
    wanted = visit.request.GET.get("span", "")
    opened = trace.rows.of_key(wanted.strip().lower())[:MOST_OPENED] if wanted else []
    shown = sheet(visit.request, range(len(trace.rows)), ROWS, min(opened, default=0))
    colours = drawing.colours(trace.services)
    legend = [(service, colours[service]) for service in trace.services]
    return {
        "heading": _heading(trace),
        "trace": trace,
        "events": trace.rows.spans.event_count,
        "spans": trace.span_count + trace.rows.spans.copies,
        "late": trace.as_of - trace.start - trace.duration < LATE,
        "aligned": f"?{waterfall.ALIGNED}" if trace.aligned else "",
        "ran": ran(trace),
        **_failures(trace),
        **_timing(trace),
        "legend": legend[:LEGEND],
        "more_legend": legend[LEGEND:],
        "ruler": [format_duration(trace.duration * part // 4) for part in range(1, 5)],
        "sheet": shown,
        "drawn": list(_drawn(trace, shown.first - 1, shown.last, opened)),
        "opened": " ".join(map(str, opened)),
        "unknown_span": wanted if not opened else "",
    }


def _drawn(
    trace: Trace, first: int, last: int, opened: Sequence[int]
) -> Iterator[tuple[SafeString, "Opened | None"]]:
    """The rows up to each one that is opened, and what that carries."""
    for row in sorted(opened):
        if first <= row < last:
            yield waterfall.lines(trace, first, row + 1), _opened(trace, row)
            first = row + 1
    yield waterfall.lines(trace, first, last), None


@dataclass(frozen=True, slots=True)
class RanService:
    """What ran one service's part of a trace: the versions and the places."""

    service: str
    versions: Sequence[str]
    places: Sequence[str]

    @property
    def more(self) -> int:
        """Return how many places are left out."""
        return max(len(self.places) - PLACES, 0)

    @property
    def shown(self) -> Sequence[str]:
        return self.places[:PLACES]


def ran(trace: Trace) -> list[RanService]:
    """Return what ran the trace's spans, for the services that report it."""
    services: dict[str, list[Process]] = {}
    for each in trace.ran:
        services.setdefault(each.process.service, []).append(each.process)
    found = [
        RanService(
            service,
            list(dict.fromkeys(each.version for each in processes if each.version)),
            list(dict.fromkeys(filter(None, map(_place, processes)))),
        )
        for service, processes in services.items()
    ]
    return [each for each in found if each.versions or each.places]


def _place(process: Process) -> str:
    """Return `petstore-7`, `petstore-7 on node-3` or `node-3`."""
    names = [words.name(each) for each in (process.instance, process.host) if each]
    return " on ".join(dict.fromkeys(names))


@dataclass(frozen=True, slots=True)
class Failure:
    """Equal failures: the deepest span, how many there were, and the path to that span.

    `caused` means that a failure listed earlier is below this one.
    """

    error: SpanError
    address: str
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
                address=waterfall.address(trace, row),
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
    """Return the slowest operations and the longest gaps, each with the address of a span."""
    rows, timing = trace.rows, trace.timing
    return {
        "operations": [
            (each, waterfall.address(trace, each.row)) for each in timing.operations[:OPERATIONS]
        ],
        "more_operations": len(timing.operations) - OPERATIONS,
        "gaps": [
            (
                gap,
                " ".join(rows.spans.names[rows.numbers[gap.row]]),
                waterfall.address(trace, gap.row),
            )
            for gap in timing.gaps
        ],
    }


@dataclass(frozen=True, slots=True)
class Opened:
    """The details of one row; `span` is None for a missing parent.

    `start` and `duration` are as drawn; `moved` is what alignment added to the recorded times.
    """

    row: int
    key: str
    address: str
    span: Span | None
    own: int
    start: int
    duration: int
    moved: int
    untimed: bool
    endless: bool
    linked_from: Sequence[SpanLink]
    jaeger_url: str


def _opened(trace: Trace, row: int) -> Opened:
    rows, number = trace.rows, trace.rows.span(row)
    times = (rows.spans.starts[number], rows.spans.ends[number]) if number is not None else (0, 0)
    url = trace.jaeger_url
    moves = trace.clocks.moves if trace.aligned else {}
    return Opened(
        row=row,
        key=rows.key(row),
        address=waterfall.address(trace, row),
        span=rows[row].span,
        own=trace.timing.own[row],
        start=times[0],
        duration=times[1] - times[0],
        moved=moves.get(number, 0) if number is not None else 0,
        untimed=number in rows.spans.untimed,
        endless=number in rows.spans.endless,
        linked_from=[each for each in trace.linked_from if each.to_span_id == rows.span_id(row)],
        jaeger_url=f"{url}?{urlencode({'uiFind': rows.span_id(row)})}" if url else "",
    )


def _heading(trace: Trace) -> str:
    """Return `petstore SearchPets failed after 1.24 s`."""
    spans = trace.rows.spans
    subject = words.root(trace.service, trace.operation)
    took = format_duration(trace.duration)
    if trace.root in spans.failing:
        return f"{subject} failed after {took}"
    failed = f", {words.count(trace.error_count, 'span')} failed" if trace.error_count else ""
    return f"{subject} took {took}{failed}"
