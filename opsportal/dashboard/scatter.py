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
from ops.vocabulary.timerange import DAY, HOUR, MINUTE, format_duration
from opsportal.dashboard import words
from opsportal.dashboard.clock import Clock
from opsportal.dashboard.lanes import Mark, placed
from opsportal.dashboard.ticks import Tick, ticks

LEAST_RATIO = 10  # of longest to shortest on the axis: less would exaggerate small differences
MARGIN = 1.25  # beyond the longest and shortest, so that no mark sits on the edge
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


@dataclass(frozen=True, slots=True)
class Scatter:
    """The plot: `start` to `end` (Unix nanoseconds) by `low` to `high` (nanoseconds).

    `levels` are round durations as (y, text), `moments` what else happened as (x, mark).
    """

    start: int
    end: int
    low: int
    high: int
    marks: SafeString
    levels: Sequence[tuple[str, str]]
    ticks: Sequence[Tick]
    moments: Sequence[tuple[str, Mark]]


def scatter(
    traces: Sequence[TraceSummary],
    start: int,
    end: int,
    clock: Clock,
    moments: Sequence[Mark] = (),
) -> Scatter:
    """Draw at least one trace of a time range. Marks link to `ID/`, below the list's address.

    `moments` are drawn as lines across: what else happened.
    """
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
        ticks=ticks(start, end, clock, FIRST_TICK),
        moments=placed(moments, start, end, clock),
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
