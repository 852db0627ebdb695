"""The critical path of a trace: what its end waited for.

It is walked backwards from the span that ends last. Within a span it runs through the child that
ends last before the current point, then continues from that child's start; time that no child
accounts for is the span's own. `=` is on the path, b to e are below a, and f is below d:

    a  ===-------==----------====
    b     =======
    c          ------------          d ended later, and it was running before d started
    d              ==----====
    f                ====

A child that outlives its parent was not waited for. But from the start of the span that ends last,
the walk continues in its parent, which started it:

    a  ========---------===----
    b      ------
    c          =========
    d                      ========  ends last
"""

from dataclasses import dataclass

import numpy as np

from ops.traces.times import Times


@dataclass(frozen=True, slots=True)
class Segment:
    """A stretch of the critical path, in span number `row`; Unix nanoseconds."""

    row: int
    start: int
    end: int


def critical_path(times: Times) -> list[Segment]:
    """Return the critical path, in time order."""
    found: list[Segment] = []
    waited: dict[int, list[int]] = {}  # children still to be visited, the last at the end
    # Each entry is a span, how far back its part of the path goes, and the current point.
    walk = [[number, times.starts[number], times.ends[number]] for number in _chain(times)]
    while walk:
        number, floor, reached = walk[-1]
        if (children := waited.get(number)) is None:
            children = waited[number] = _waited_for(times, number)
        while children and times.ends[children[-1]] > reached:
            children.pop()
        if children and times.ends[children[-1]] > floor:
            child = children.pop()
            _add(found, number, times.ends[child], reached)
            walk.append([child, max(times.starts[child], floor), times.ends[child]])
            continue
        _add(found, number, floor, reached)
        walk.pop()
        if walk:
            walk[-1][2] = min(walk[-1][2], floor, reached)
    return found[::-1]


def _chain(times: Times) -> list[int]:
    """Return the span that ends last, after all its ancestors."""
    last = int(np.argmax(times.ends))  # the first one, if several end together
    found = []
    while last >= 0:
        found.append(last)
        last = times.parents[last]
    return found[::-1]


def _waited_for(times: Times, number: int) -> list[int]:
    """Return the children that end within the span, by end."""
    end = times.ends[number]
    ended = (
        child for child in times.children[number] if times.starts[child] < times.ends[child] <= end
    )
    return sorted(ended, key=lambda child: (times.ends[child], -times.starts[child], -child))


def _add(found: list[Segment], number: int, start: int, end: int) -> None:
    if end > start:
        found.append(Segment(number, start, end))
