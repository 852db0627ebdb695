"""Intervals of time: pairs of start and end, in order and without overlaps."""

from collections.abc import Iterable, Sequence

Interval = tuple[int, int]


def joined(intervals: Iterable[Interval]) -> list[Interval]:
    """Join intervals that overlap or touch."""
    found: list[Interval] = []
    for start, end in sorted(intervals):
        if found and start <= found[-1][1]:
            found[-1] = (found[-1][0], max(found[-1][1], end))
        else:
            found.append((start, end))
    return found


def both(some: Sequence[Interval], others: Sequence[Interval]) -> list[Interval]:
    """Return what is in some and in others; each is in order and without overlaps."""
    found, first, second = [], 0, 0
    while first < len(some) and second < len(others):
        start = max(some[first][0], others[second][0])
        end = min(some[first][1], others[second][1])
        if start < end:
            found.append((start, end))
        if some[first][1] < others[second][1]:
            first += 1
        else:
            second += 1
    return found


def between(intervals: Sequence[Interval], start: int, end: int) -> list[Interval]:
    """Return what is left of the time from start to end; the intervals are as in `both`."""
    found, at = [], start
    for first, last in intervals:
        if first > at:
            found.append((at, min(first, end)))
        at = max(at, last)
        if at >= end:
            return found
    return [*found, (at, end)]
