"""What the page of a trace shows: failures, timing, where it ran, the rows that are drawn."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from urllib.parse import urlencode

from django.utils.safestring import SafeString

from ops.traces.failures import SpanError
from ops.traces.links import SpanLink
from ops.traces.trace import Trace
from ops.vocabulary import figures
from ops.vocabulary.spans import Process, Span
from ops.vocabulary.timerange import MINUTE, format_duration
from opsportal.dashboard import charts, waterfall, words
from opsportal.dashboard.sheets import sheet
from opsportal.dashboard.visit import Visit

ROWS = 200  # with a script, all others follow at once
FAILURES = 3  # shown above the waterfall; some more are folded
MORE_FAILURES = 20
LONG_PATH = 6
OPERATIONS = 10
MOST_OPENED = 10  # spans with the same ID
LEGEND = 12  # services; the others are folded
PLACES = 3  # of a service
LATE = 10 * MINUTE  # after the trace's end the page stops checking for new spans by itself


def context(visit: Visit, trace: Trace) -> dict[str, object]:
    """Return what the page's template shows of a trace."""
    wanted = visit.request.GET.get("span", "")
    found = trace.rows.of_key(wanted.strip().lower())[:MOST_OPENED] if wanted else []
    shown = sheet(visit.request, range(len(trace.rows)), ROWS, min(found, default=0))
    colours = charts.colours(trace.services)
    legend = [(service, colours[service]) for service in trace.services]
    return {
        "heading": _heading(trace),
        "trace": trace,
        "late": trace.as_of - trace.start - trace.duration < LATE,
        "aligned": f"?{waterfall.ALIGNED}" if trace.aligned else "",
        "ran": ran(trace),
        **_failures(trace),
        **_timing(trace),
        "legend": legend[:LEGEND],
        "more_legend": legend[LEGEND:],
        "ruler": [format_duration(trace.duration * part // 4) for part in range(1, 5)],
        "sheet": shown,
        "drawn": list(_drawn(trace, shown.first - 1, shown.last, found)),
        "opened": " ".join(map(str, found)),
        "unknown_span": wanted if not found else "",
    }


def _drawn(
    trace: Trace, first: int, last: int, rows: Sequence[int]
) -> Iterator[tuple[SafeString, "Opened | None"]]:
    """Yield the markup of the rows up to each that is opened, and the details of that one."""
    for row in sorted(rows):
        if first <= row < last:
            yield waterfall.lines(trace, first, row + 1), opened(trace, row)
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
    timing = trace.timing
    return {
        "operations": [
            (each, waterfall.address(trace, each.row)) for each in timing.operations[:OPERATIONS]
        ],
        "more_operations": len(timing.operations) - OPERATIONS,
        "gaps": [
            (gap, " ".join(trace.rows.name(gap.row) or ()), waterfall.address(trace, gap.row))
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


def opened(trace: Trace, row: int) -> Opened:
    """Return what is shown when a row is opened."""
    rows, url = trace.rows, trace.jaeger_url
    span_id = rows.span_id(row)
    return Opened(
        row=row,
        key=rows.key(row),
        address=waterfall.address(trace, row),
        span=rows[row].span,
        own=trace.timing.own[row],
        start=rows.start(row),
        duration=rows.duration(row),
        moved=trace.moved(row),
        untimed=rows.is_untimed(row),
        endless=rows.is_endless(row),
        linked_from=[each for each in trace.linked_from if each.to_span_id == span_id],
        jaeger_url=f"{url}?{urlencode({'uiFind': span_id})}" if url else "",
    )


def _heading(trace: Trace) -> str:
    """Return `petstore SearchPets failed after 1.24 s`."""
    subject = words.root(trace.service, trace.operation)
    took = format_duration(trace.duration)
    if trace.has_failed:
        return f"{subject} failed after {took}"
    failed = f", {figures.count(trace.error_count, 'span')} failed" if trace.error_count else ""
    return f"{subject} took {took}{failed}"
