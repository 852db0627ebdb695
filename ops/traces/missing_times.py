"""Place spans that came without a time, so that they can be drawn.

Zipkin's format lets a span have none, which arrives as 0; broken clocks say 1970 or 2262. Such
spans are placed at the start of their parent, or else of the earliest span below.
"""

from array import array
from collections.abc import Sequence
from dataclasses import replace

from ops.traces.tree import SpanTree
from ops.vocabulary.spans import Spans
from ops.vocabulary.timerange import DAY, SECOND

FAR = 366 * DAY  # if a time is further from the others, its clock was never set
_EARLIEST, _LATEST = 946_684_800 * SECOND, 7_258_118_400 * SECOND  # the years 2000 and 2200


def placed(spans: Spans, tree: SpanTree) -> Spans:
    """Give spans without a time the time of their parent, and list them in `untimed`."""
    untimed = _untimed(spans)
    if not untimed:
        return spans
    starts = _starts(spans, tree.parents, untimed)
    ends = array("Q", spans.ends)
    for number in untimed:
        took = spans.ends[number] - spans.starts[number]
        until = spans.ends[number] - starts[number]
        ends[number] = starts[number] + _plausible(took, until)
    return replace(spans, starts=starts, ends=ends, untimed=frozenset(untimed))


def _plausible(took: int, until: int) -> int:
    """Return how long a span without a start took: as recorded, or until its end, or else 0."""
    return next((each for each in (took, until) if 0 <= each < FAR), 0)


def _untimed(spans: Spans) -> list[int]:
    """Return the spans whose start is impossible beside the others; fast if there are none."""
    starts = spans.starts
    if starts[0] and starts[-1] - starts[0] < FAR:
        return []
    good = [start for start in starts if _EARLIEST <= start <= _LATEST]
    if not good:
        return [number for number, start in enumerate(starts) if not start and starts[-1]]
    middle = good[(len(good) - 1) // 2]
    return [number for number, start in enumerate(starts) if abs(start - middle) > FAR]


def _starts(spans: Spans, parents: Sequence[int], untimed: Sequence[int]) -> "array[int]":
    starts = array("Q", spans.starts)
    waiting = set(untimed)
    timed = [number for number in range(len(spans)) if number not in waiting]
    below: dict[int, int] = {}  # the earliest start below a span without one
    for number in timed:
        above = parents[number]
        while above in waiting and above not in below:
            below[above] = starts[number]
            above = parents[above]
    for number in untimed:
        path, above = [], number
        while above in waiting:
            path.append(above)
            waiting.remove(above)
            above = parents[above]
        known = starts[above] if 0 <= above < len(spans) else -1
        for each in reversed(path):
            if known < 0:
                known = below.get(each, starts[timed[0]])
            starts[each] = known
    return starts
