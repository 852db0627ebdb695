"""`/traces/compare/`: two traces side by side; `/traces/ID/usual/`: one and its usual timing."""

from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlencode

from django.http import HttpResponse, HttpResponseRedirect
from django.views.decorators.http import require_safe

from ops.errors import InvalidInput, OpsError
from ops.language.trace_ids import pasted_ids
from ops.traces import actions
from ops.traces.actions import Comparison, Difference, UsualTiming
from ops.traces.failures import SpanError
from ops.traces.trace import Trace
from ops.vocabulary.timerange import format_duration
from opsportal.dashboard import charts, errors, words
from opsportal.dashboard.pages import page
from opsportal.dashboard.views.pasted import comparison
from opsportal.dashboard.visit import Visit, url

MOST_LINES = 100
MOST_ERRORS = 8
LEAST_SHARE = 0.01  # of the whole difference; smaller shares are not shown in percent
MARKS = {
    "new": ("+", "warn"),
    "missing": ("\N{MINUS SIGN}", "pending"),
    "slower": ("▲", "error"),
    "faster": ("▼", "ok"),
    "same": ("=", "calm"),
}


@require_safe
@page(actions.compare_traces)
async def compare(visit: Visit) -> HttpResponse:
    """Compare `?trace=A&trace=B`, as sent by the search page's checkboxes and the form here."""
    typed = [text.strip() for text in visit.request.GET.getlist("trace") if text.strip()]
    typed = [each for text in typed for each in pasted_ids(text) or (text,)]
    ids = [*typed, "", ""][: max(len(typed), 2)]
    try:
        found = await actions.compare_traces(visit.actor, trace_ids=typed, site=visit.asked)
    except OpsError as error:
        if not typed and isinstance(error, InvalidInput):
            context = {"heading": "Compare two traces", "ids": ids}
            return await visit.render("pages/compare.html", context)
        return await errors.page(visit, error, "pages/compare.html", {"ids": ids})
    if found.first.site != visit.site.name:
        return HttpResponseRedirect(comparison(found.first.site, typed))
    return await visit.render("pages/compare.html", _compared(visit, found))


@require_safe
@page(actions.compare_with_usual)
async def usual(visit: Visit, trace_id: str) -> HttpResponse:
    """Compare a trace with the latest of its root operation that succeeded."""
    found = await actions.compare_with_usual(visit.actor, trace_id=trace_id, site=visit.asked)
    trace = found.trace
    if trace.site != visit.site.name:
        return HttpResponseRedirect(url("traces-usual", trace.site, trace_id=trace.trace_id))
    context = {
        "heading": _usual_heading(found),
        "usual": found,
        "trace": trace,
        "names": ("usual", "here"),
        "ids": [trace.trace_id, ""],
        "slow": _is_slow(found),
        **_lines(visit, found.differences, (None, trace)),
    }
    return await visit.render("pages/usual.html", context)


@require_safe
@page(actions.compare_duration)
async def usually(visit: Visit, trace_id: str) -> HttpResponse:
    """Return the usual duration as a piece of the trace's page; empty if it is unknown."""
    found = await actions.compare_duration(visit.actor, trace_id=trace_id, site=visit.asked)
    if not found.found:
        return HttpResponse(status=204)
    context = {"usual": found, "slow": _is_slow(found)}
    return await visit.render("partials/usually.html", context)


def _is_slow(found: UsualTiming) -> bool:
    """Return whether it took at least twice as long as usual, which deserves a warning."""
    return found.longer >= found.duration


def _compared(visit: Visit, found: Comparison) -> dict[str, object]:
    traces = found.first, found.second
    ids = [trace.trace_id for trace in traces]
    return {
        "heading": words.name(found.verdict, 300),
        "found": found,
        "ids": ids,
        "swapped": comparison(visit.site.name, ids[::-1]),
        "sides": [*zip("AB", traces, strict=True)],
        "names": ("A", "B"),
        "problems": _problems(*traces),
        "fails": [
            _Failed("B", found.second, found.new_errors),
            _Failed("A", found.first, found.vanished_errors),
        ],
        **_lines(visit, found.differences, traces, found.longer),
    }


def _problems(first: Trace, second: Trace) -> list[str]:
    """Warn if the traces have different roots, because then little can match."""
    subjects = [
        f"{words.name(each.service)} {words.name(each.operation)}" for each in (first, second)
    ]
    if subjects[0] == subjects[1]:
        return []
    return [f"A is {subjects[0]}, B is {subjects[1]}: few of their spans match"]


def _usual_heading(found: UsualTiming) -> str:
    """Return `petstore SearchPets took 1.24 s, usually 31 ms`."""
    trace = found.trace
    subject = f"{words.name(trace.service)} {words.name(trace.operation)}".strip()
    took = f"{subject or 'A trace without its root'} took {format_duration(trace.duration)}"
    if not found.found:
        return f"{took}; usual duration unknown"
    return f"{took}, usually {format_duration(found.duration)}"


@dataclass(frozen=True, slots=True)
class _Failed:
    """The spans that failed in only one of the traces."""

    side: str
    trace: Trace
    errors: Sequence[SpanError]

    @property
    def shown(self) -> list[tuple[SpanError, str]]:
        rows = self.trace.rows
        return [(error, rows.span_id(error.row)) for error in self.errors[:MOST_ERRORS]]

    @property
    def more(self) -> int:
        return max(len(self.errors) - MOST_ERRORS, 0)


@dataclass(frozen=True, slots=True)
class _Line:
    """A difference as it is drawn; its bar starts in the middle and goes right for longer."""

    difference: Difference
    mark: str
    tone: str
    explains: str
    share: str
    x: str
    width: str
    links: list[tuple[str, str]]


def _lines(
    visit: Visit,
    differences: Sequence[Difference],
    traces: tuple[Trace | None, Trace],
    whole: int = 0,
) -> dict[str, object]:
    """Return the lines that differ, those that do not, and how many of each are left out."""
    widest = max((abs(each.explains) for each in differences), default=0)

    def drawn(each: Difference) -> _Line:
        mark, tone = MARKS[each.kind]
        share = each.explains / whole if whole else 0
        width = charts.stretch(0, abs(each.explains), 2 * widest)[1]
        return _Line(
            difference=each,
            mark=mark,
            tone=tone,
            explains=words.longer(each.explains),
            share=words.percent(share) if share >= LEAST_SHARE else "",
            x="50" if each.explains >= 0 else f"{50 - float(width):.2f}",
            width=width if each.explains else "0",
            links=_links(visit, each, traces),
        )

    changed = [each for each in differences if each.kind != "same"]
    same = [each for each in differences if each.kind == "same"]
    return {
        "changed": [drawn(each) for each in changed[:MOST_LINES]],
        "more_changed": max(len(changed) - MOST_LINES, 0),
        "same": [drawn(each) for each in same[:MOST_LINES]],
        "same_count": len(same),
        "more_same": max(len(same) - MOST_LINES, 0),
    }


def _links(
    visit: Visit, difference: Difference, traces: tuple[Trace | None, Trace]
) -> list[tuple[str, str]]:
    """Return links to the span that differs most, in each trace that has it."""
    found = []
    for name, trace, row in zip("AB", traces, difference.rows, strict=True):
        if trace and row is not None:
            span_id = trace.rows.span_id(row)
            address = visit.url("traces-one", trace_id=trace.trace_id)
            query = urlencode({"span": span_id})
            found.append((name, f"{address}?{query}#span-{span_id}"))
    return found
