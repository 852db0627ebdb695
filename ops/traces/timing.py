"""Where the time of a trace went: its critical path, each span's own time, the gaps.

Spans are numbered; each has a start, an end (Unix nanoseconds) and a parent's number, -1 for
none. The critical path is what the end of the trace waited for, walked backwards from the span
that ends last. Within a span it runs through the child that ends last before the current point,
then continues from that child's start; time that no child accounts for is the span's own. A
child that outlives its parent was not waited for. From the start of the span that ends last, the
walk continues in its parent, which started it.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from heapq import nsmallest
from itertools import chain

import numpy as np

from ops.vocabulary.columns import Coded, Numbers, counted, packed
from ops.vocabulary.timerange import format_duration

LEAST_SHARE = 0.05  # a smaller share is not worth a sentence
MOST_GAPS = 3
MOST_NAMED = 3
Names = Coded[tuple[str, str] | None]  # service and operation, None for a placeholder


@dataclass(frozen=True, slots=True)
class Segment:
    """A stretch of the critical path, in span number `row`; Unix nanoseconds."""

    row: int
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Share:
    """One operation's time on the critical path: in total, and per span, the largest first."""

    service: str
    operation: str
    duration: int
    durations: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Operation:
    """All spans of one operation: their count, and nanoseconds on the critical path and own time.

    `row` is the span with the most of it.
    """

    service: str
    operation: str
    spans: int
    path: int
    own: int
    row: int


@dataclass(frozen=True, slots=True)
class Gap:
    """A stretch of a span with children during which none of them ran; nanoseconds."""

    row: int
    start: int
    duration: int


@dataclass(frozen=True, slots=True)
class Timing:
    """Where the time of a trace went.

    `path` is in time order, `own` has each span's own time in nanoseconds (while no child ran),
    `shares` has the operations of the path, the largest first, `operations` all of them in the
    same order, `gaps` the longest ones. `sentences` sums it up in at most three sentences.
    """

    path: tuple[Segment, ...] = ()
    own: Sequence[int] = ()
    shares: tuple[Share, ...] = ()
    operations: tuple[Operation, ...] = ()
    gaps: tuple[Gap, ...] = ()
    sentences: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Children:
    """The children of all spans, grouped by parent, and where each parent's group starts."""

    numbers: Sequence[int]
    firsts: Sequence[int]

    def __getitem__(self, number: int) -> Sequence[int]:
        return self.numbers[self.firsts[number] : self.firsts[number + 1]]


@dataclass(frozen=True, slots=True)
class Times:
    """The spans of a trace as numbers; `children` has each span's children, by start."""

    starts: Sequence[int]
    ends: Sequence[int]
    parents: Sequence[int]
    children: Children

    @classmethod
    def of(cls, starts: Sequence[int], ends: Sequence[int], parents: Sequence[int]) -> "Times":
        above = np.asarray(parents, np.intp)
        order = np.argsort(np.asarray(starts, np.uint64), kind="stable")
        order = order[np.argsort(above[order], kind="stable")]
        firsts = np.searchsorted(above[order], np.arange(len(order) + 1))
        return cls(starts, ends, parents, Children(packed("Q", order), packed("Q", firsts)))


def where_time_went(times: Times, names: Names) -> Timing:
    """Analyze a trace; `names` are those of its spans."""
    path = tuple(segment for segment in critical_path(times) if names[segment.row])
    shares = _shares(path, names)
    own, gaps = _own_and_gaps(times, names)
    whole = max(times.ends, default=0) - min(times.starts, default=0)
    return Timing(
        path=path,
        own=own,
        shares=shares,
        operations=_operations(path, own, names),
        gaps=gaps,
        sentences=tuple(_sentences(shares, gaps, names, whole)),
    )


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


def _chain(times: Times) -> list[int]:
    """Return the span that ends last, after all its ancestors."""
    last = max(range(len(times.ends)), key=lambda number: (times.ends[number], -number), default=-1)
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


def _shares(path: Sequence[Segment], names: Names) -> tuple[Share, ...]:
    spans: dict[int, int] = {}
    for segment in path:
        spans[segment.row] = spans.get(segment.row, 0) + segment.end - segment.start
    operations: dict[tuple[str, str], list[int]] = {}
    for row, duration in spans.items():
        if name := names[row]:
            operations.setdefault(name, []).append(duration)
    shares = (
        Share(*name, sum(durations), tuple(sorted(durations, reverse=True)))
        for name, durations in operations.items()
    )
    return tuple(
        sorted(shares, key=lambda share: (-share.duration, share.service, share.operation))
    )


def _operations(path: Sequence[Segment], own: Sequence[int], names: Names) -> tuple[Operation, ...]:
    waited = Counter[int]()
    for segment in path:
        waited[segment.row] += segment.end - segment.start
    on_path: dict[int, list[int]] = {}
    for row in sorted(waited):
        on_path.setdefault(names.numbers[row], []).append(row)
    numbers = np.asarray(names.numbers, np.intp)
    order = np.argsort(numbers, kind="stable")
    found = []
    for rows in np.split(order, np.flatnonzero(np.diff(numbers[order])) + 1):
        if name := names[rows[0]]:
            waiting = on_path.get(names.numbers[rows[0]], [])
            found.append(_operation(name, rows, own, waiting, waited))
    return tuple(
        sorted(found, key=lambda each: (-each.path, -each.own, each.service, each.operation))
    )


def _operation(
    name: tuple[str, str],
    rows: Numbers,
    own: Sequence[int],
    on_path: Sequence[int],
    waited: Mapping[int, int],
) -> Operation:
    """Sum up an operation; its row is the one with the most path, then the most own time."""
    owns = np.asarray(own)[rows]
    row = int(rows[owns.argmax()])
    if on_path:
        row = max(on_path, key=lambda row: (waited[row], own[row], -row))
    path = sum(waited[row] for row in on_path)
    return Operation(*name, len(rows), path, sum(owns.tolist()), row)


def _own_and_gaps(times: Times, names: Names) -> tuple[Sequence[int], tuple[Gap, ...]]:
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


def _sentences(
    shares: Sequence[Share],
    gaps: Sequence[Gap],
    names: Names,
    whole: int,
) -> Iterator[str]:
    if not whole:
        return
    for share in shares[:2]:
        if share.duration >= LEAST_SHARE * whole:
            yield (
                f"{_percent(share.duration, whole)} in {share.service} {share.operation}"
                + _times(share)
            )
    gap = gaps[0] if gaps else None
    name = names[gap.row] if gap else None
    if gap and name and gap.duration >= LEAST_SHARE * whole:
        yield (f"{format_duration(gap.duration)} in {name[0]} {name[1]} with no child span running")


def _times(share: Share) -> str:
    if len(share.durations) == 1:
        return f", {format_duration(share.duration)}"
    named = ", ".join(format_duration(each) for each in share.durations[:MOST_NAMED])
    rest = ", …" if len(share.durations) > MOST_NAMED else ""
    return f", {len(share.durations)} times ({named}{rest})"


def _percent(part: int, whole: int) -> str:
    return f"{100 * part / whole:.0f}%"
