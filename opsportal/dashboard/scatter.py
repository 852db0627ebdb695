"""The duration of traces over time, as marks placed in percent of the plot.

Time runs from left to right, durations from bottom to top on a logarithmic scale.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from itertools import pairwise

from django.utils.html import escape
from django.utils.safestring import SafeString, mark_safe

from ops.vocabulary.summaries import TraceSummary
from ops.vocabulary.timerange import DAY, HOUR, MINUTE, SECOND, format_duration, to_datetime
from opsportal.dashboard import words
from opsportal.dashboard.clock import Clock

LEAST_RATIO = 10  # of longest to shortest on the axis: less would exaggerate small differences
MARGIN = 1.25  # beyond the longest and shortest, so that no mark sits on the edge
MOST_TICKS = 5
FIRST_TICK = 0.1  # of the width; nearer to the left edge it would overlap the zone names
LONGEST_NAME = 60

_DOT = (
    '<a href="{}/" tabindex="-1"><circle cx="{:.2f}%" cy="{:.2f}%" r="3.5"/><title>{}</title></a>'
)
_TRIANGLE = (
    '<a href="{}/" tabindex="-1" class="failed"><svg x="{:.2f}%" y="{:.2f}%" overflow="visible">'
    '<path d="M0-5 5 4H-5z"/></svg><title>{}</title></a>'
)

# Round durations, coarse to fine; above a minute they follow 60 and 24.
_DECADES = (
    *(10**power for power in range(11)), MINUTE, 10 * MINUTE, HOUR, 10 * HOUR,
    *(DAY * 10**power for power in range(6)),
)  # fmt: skip
_LADDERS = (
    _DECADES[::3],
    _DECADES[::2],
    _DECADES,
    *(
        tuple(
            low * factor
            for low, high in pairwise(_DECADES)
            for factor in factors
            if low * factor < high
        )
        for factors in ((1, 3), (1, 2, 5))
    ),
)
_STEPS = (
    *(factor * 10**power for power in range(9) for factor in (1, 2, 5)),
    *(factor * unit for unit in (SECOND, MINUTE) for factor in (1, 2, 5, 10, 15, 30)),
    *(factor * HOUR for factor in (1, 2, 3, 6, 12)),
    *(factor * DAY * 10**power for power in range(5) for factor in (1, 2, 5)),
)


@dataclass(frozen=True, slots=True)
class Tick:
    """A round time: its place, in UTC, and in the viewer's zone ("" if that is unknown)."""

    x: str
    utc: str
    here: str


@dataclass(frozen=True, slots=True)
class Scatter:
    """The plot: `start` to `end` (Unix nanoseconds) by `low` to `high` (nanoseconds).

    `levels` are round durations as (y, text).
    """

    start: int
    end: int
    low: int
    high: int
    marks: SafeString
    levels: Sequence[tuple[str, str]]
    ticks: Sequence[Tick]


def scatter(traces: Sequence[TraceSummary], start: int, end: int, clock: Clock) -> Scatter:
    """Draw at least one trace of a time range. Marks link to `ID/`, below the list's address."""
    low, high = _extent([trace.duration for trace in traces])
    return Scatter(
        start=start,
        end=end,
        low=low,
        high=high,
        marks=_marks(traces, start, end, (low, high), clock),
        levels=[
            (f"{_height(each, low, high):.2f}", format_duration(each))
            for each in _levels(low, high)
        ],
        ticks=_ticks(start, end, clock),
    )


def _extent(durations: Sequence[int]) -> tuple[int, int]:
    """Return the shortest and longest duration of the axis; zero is drawn at the bottom."""
    longest = max(*durations, 1)
    shortest = min((duration for duration in durations if duration), default=1)
    low, high = shortest / MARGIN, longest * MARGIN
    if high < low * LEAST_RATIO:
        middle = math.sqrt(low * high)
        low, high = middle / math.sqrt(LEAST_RATIO), middle * math.sqrt(LEAST_RATIO)
    return max(int(low), 1), math.ceil(max(high, LEAST_RATIO))


def _height(duration: int, low: int, high: int) -> float:
    """Return the distance from the top in percent."""
    above = math.log(max(duration, low) / low) / math.log(high / low)
    return 100 - 100 * min(above, 1)


def _levels(low: int, high: int) -> Sequence[int]:
    """Return at least three round durations, but as few as possible."""
    ladders = ([each for each in ladder if low <= each <= high] for ladder in _LADDERS)
    found: list[int] = []
    for found in ladders:
        if len(found) >= 3:
            break
    return found


def _marks(
    traces: Sequence[TraceSummary], start: int, end: int, extent: tuple[int, int], clock: Clock
) -> SafeString:
    """Draw the marks, failed traces last so that they are on top."""
    low, high = extent
    across = 100 / max(end - start, 1)

    @cache
    def named(service: str, operation: str) -> str:
        if not (service or operation):
            return "root missing"
        return escape(f"{words.name(service, LONGEST_NAME)} {words.name(operation, LONGEST_NAME)}")

    def mark(trace: TraceSummary) -> str:
        failed = f", {trace.error_count:,} failed" if trace.error_count else ""
        return (_TRIANGLE if failed else _DOT).format(
            trace.trace_id,
            min(max((trace.matched - start) * across, 0), 100),
            _height(trace.duration, low, high),
            f"{format_duration(trace.duration)} · {named(trace.service, trace.operation)}{failed}"
            f" · {clock.utc(trace.matched, milliseconds=True)} UTC",
        )

    drawn = sorted(traces, key=lambda trace: bool(trace.error_count))
    return mark_safe("".join(map(mark, drawn)))  # noqa: S308 - ids are hex digits, names escaped


def _ticks(start: int, end: int, clock: Clock) -> list[Tick]:
    step = next((each for each in _STEPS if (end - start) // each < MOST_TICKS), _STEPS[-1])
    first = start + int((end - start) * FIRST_TICK)
    moments = range(-(-first // step) * step, end + 1, step)
    return [
        Tick(
            x=f"{100 * (at - start) / max(end - start, 1):.2f}",
            utc=_utc(at, step, clock),
            here=_here(at, step, clock),
        )
        for at in moments
    ]


def _utc(at: int, step: int, clock: Clock) -> str:
    """Return `14:20`, as precise as the step; midnight is shown as the date."""
    moment = to_datetime(at)
    if step < SECOND:
        return f":{moment:%S}.{at % SECOND:09d}"[: 14 - len(str(step))]
    if step < MINUTE:
        return f"{moment:%H:%M:%S}"
    if at % DAY:
        return f"{moment:%H:%M}"
    year = "" if moment.year == to_datetime(clock.now).year else f" {moment.year}"
    return f"{moment.day} {moment:%b}{year}"


def _here(at: int, step: int, clock: Clock) -> str:
    if not clock.place:
        return ""
    moment = to_datetime(at).astimezone(clock.zone)
    return f"{moment:%H:%M:%S}" if SECOND <= step < MINUTE else f"{moment:%H:%M}"
