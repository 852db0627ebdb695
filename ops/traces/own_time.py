"""Each span's own time: while none of its children ran. Its longest stretches are the gaps.

a        ------------------------  has the children b, c and d
b            ------
c                ------
d                              --
a's own  ====          ========
"""

from collections.abc import Sequence
from dataclasses import dataclass
from heapq import nsmallest
from itertools import chain

import numpy as np

from ops.traces.times import Times
from ops.vocabulary.columns import Coded, Numbers, counted, packed

MOST_GAPS = 3
Names = Coded[tuple[str, str] | None]  # service and operation, None for a placeholder


@dataclass(frozen=True, slots=True)
class Gap:
    """A stretch of a span with children during which none of them ran; nanoseconds."""

    row: int
    start: int
    duration: int


def own_stretches(times: Times, number: int) -> list[tuple[int, int]]:
    """Return the stretches of a span during which none of its children ran, in time order."""
    reached, end = times.starts[number], times.ends[number]
    if not times.children[number]:
        return [(reached, end)]
    found = []
    for child in times.children[number]:
        begin = min(times.starts[child], end)
        if begin > reached:
            found.append((reached, begin))
        reached = max(reached, min(times.ends[child], end))
    if end > reached:
        found.append((reached, end))
    return found


def even_parts(stretches: Sequence[Sequence[tuple[int, int]]]) -> list[float]:
    """Split each moment evenly between the spans that have a stretch then; nanoseconds.

    With each span's own stretches, the parts add up to the time during which any span ran.
    """
    changes: dict[int, int] = {}
    for start, end in chain.from_iterable(stretches):
        changes[start] = changes.get(start, 0) + 1
        changes[end] = changes.get(end, 0) - 1
    running, before, part = 0, 0, 0.0
    parts: dict[int, float] = {}  # by moment, the part of a span that ran from the start until then
    for moment in sorted(changes):
        if running:
            part += (moment - before) / running
        parts[moment] = part
        running += changes[moment]
        before = moment
    return [sum(parts[end] - parts[start] for start, end in each) for each in stretches]


def own_and_gaps(times: Times, names: Names) -> tuple[Sequence[int], tuple[Gap, ...]]:
    """Return each span's own time, and the longest gaps."""
    starts, ends = np.asarray(times.starts, np.uint64), np.asarray(times.ends, np.uint64)
    own = ends - starts
    children = np.asarray(times.children.numbers[times.children.firsts[0] :], np.intp)
    if not len(children):
        return packed("Q", own), ()
    parents = np.asarray(times.parents, np.intp)[children]
    begins = np.flatnonzero(np.append(True, parents[1:] != parents[:-1]))
    rows = parents[begins]
    # The latest point within its parent that a child and its earlier siblings reached.
    until = np.minimum(ends[children], ends[parents])
    reached = np.maximum(_greatest_so_far(until, begins), starts[parents])
    before = np.roll(reached, 1)
    before[begins] = starts[rows]
    start = np.minimum(starts[children], ends[parents])
    lengths = np.where(start > before, start - before, 0)
    lasts = np.append(begins[1:], len(children)) - 1
    rest = np.where(ends[rows] > reached[lasts], ends[rows] - reached[lasts], 0)
    own[rows] = np.add.reduceat(lengths, begins) + rest
    gaps = _longest(
        names,
        np.concatenate((parents, rows)),
        np.concatenate((before, reached[lasts])),
        np.concatenate((lengths, rest)),
    )
    return packed("Q", own), gaps


def _longest(names: Names, rows: Numbers, starts: Numbers, durations: Numbers) -> tuple[Gap, ...]:
    """Return the longest gaps of spans that have a name."""
    unnamed = [number for number, _ in counted(names.numbers) if names.value(number) is None]
    durations[np.isin(np.asarray(names.numbers)[rows], unnamed)] = 0
    least = np.partition(durations, -MOST_GAPS)[-MOST_GAPS] if len(durations) > MOST_GAPS else 0
    places = np.flatnonzero((durations >= least) & (durations > 0))
    columns = (column[places].tolist() for column in (rows, starts, durations))
    gaps = (Gap(*each) for each in zip(*columns, strict=True))
    return tuple(nsmallest(MOST_GAPS, gaps, key=_longest_first))


def _greatest_so_far(values: Numbers, begins: Numbers) -> Numbers:
    """Return the greatest value so far at each place; each of `begins` starts a new group."""
    order = np.argsort(values)
    ranks = np.empty(len(values), np.intp)
    ranks[order] = np.arange(len(values))
    groups = np.zeros(len(values), np.intp)
    groups[begins[1:]] = len(values)
    groups = np.cumsum(groups)
    found: Numbers = values[order][np.maximum.accumulate(groups + ranks) - groups]
    return found


def _longest_first(gap: Gap) -> tuple[int, int, int]:
    return -gap.duration, gap.start, gap.row
