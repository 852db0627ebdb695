"""Where the time of a trace went: its critical path, each span's own time, the gaps.

Spans are numbered; each has a start, an end (Unix nanoseconds) and a parent's number, -1 for
none. The critical path is what the end of the trace waited for, walked backwards from the span
that ends last. Within a span it runs through the child that ends last before the point that was
reached, then goes on from that child's start; what no child accounts for is the span's own. A
child that outlives its parent was not waited for. From the start of the span that ends last the
walk goes on in its parent, which started it.
"""

from array import array
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from heapq import nsmallest
from itertools import chain
from operator import sub

from ops.timerange import format_duration

LEAST_SHARE = 0.05  # what is less than that is not worth a sentence
MOST_GAPS = 3
MOST_NAMED = 3


@dataclass(frozen=True, slots=True)
class Segment:
    """A stretch of the critical path, in span number `row`; Unix nanoseconds."""

    row: int
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Share:
    """What one operation has of the critical path: in all, and of its spans the largest first."""

    service: str
    operation: str
    duration: int
    durations: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Operation:
    """All spans of one operation: how many, and nanoseconds on the critical path and of their own.

    `row` is the span that has the most of it.
    """

    service: str
    operation: str
    spans: int
    path: int
    own: int
    row: int


@dataclass(frozen=True, slots=True)
class Gap:
    """A stretch of a span that has children in which none of them ran; nanoseconds."""

    row: int
    start: int
    duration: int


@dataclass(frozen=True, slots=True)
class Timing:
    """Where the time of a trace went.

    `path` is in time order, `own` has each span's own time in nanoseconds (in which no child
    ran), `shares` has the operations of the path, the largest first, `operations` all of them
    in the same order, `gaps` the longest ones. `sentences` says it, three at most.
    """

    path: tuple[Segment, ...] = ()
    own: Sequence[int] = ()
    shares: tuple[Share, ...] = ()
    operations: tuple[Operation, ...] = ()
    gaps: tuple[Gap, ...] = ()
    sentences: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Times:
    """The spans of a trace as numbers; `children` are each one's, by start."""

    starts: Sequence[int]
    ends: Sequence[int]
    parents: Sequence[int]
    children: Sequence[Sequence[int]]

    @classmethod
    def of(cls, starts: Sequence[int], ends: Sequence[int], parents: Sequence[int]) -> "Times":
        children: dict[int, list[int]] = {}
        for number in sorted(range(len(parents)), key=starts.__getitem__):
            if parents[number] >= 0:
                children.setdefault(parents[number], []).append(number)
        return cls(starts, ends, parents, [children.get(each, ()) for each in range(len(parents))])


def where_time_went(times: Times, names: Sequence[tuple[str, str] | None]) -> Timing:
    """Analyse a trace; `names` has each span's service and operation, None for a placeholder."""
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
    waited: dict[int, list[int]] = {}  # children that are still to be met, the last at the end
    # Each entry is a span, how far back its part of the path goes, and the point reached.
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
    """Return the stretches of a span in which none of its children ran, in time order."""
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
    """Divide each moment evenly among the spans that then have a stretch; nanoseconds.

    With the stretches of their own, the parts of all spans are the time in which any span ran.
    """
    changes: dict[int, int] = {}
    for start, end in chain.from_iterable(stretches):
        changes[start] = changes.get(start, 0) + 1
        changes[end] = changes.get(end, 0) - 1
    running, before, part = 0, 0, 0.0
    parts: dict[int, float] = {}  # what a span would have that ran from the beginning until then
    for moment in sorted(changes):
        if running:
            part += (moment - before) / running
        parts[moment] = part
        running += changes[moment]
        before = moment
    return [sum(parts[end] - parts[start] for start, end in each) for each in stretches]


def _chain(times: Times) -> list[int]:
    """Return the span that ends last, behind all that are above it."""
    last = max(range(len(times.ends)), key=lambda number: (times.ends[number], -number), default=-1)
    found = []
    while last >= 0:
        found.append(last)
        last = times.parents[last]
    return found[::-1]


def _waited_for(times: Times, number: int) -> list[int]:
    """Return the children that end within the span, those that end last at the end."""
    end = times.ends[number]
    ended = (
        child for child in times.children[number] if times.starts[child] < times.ends[child] <= end
    )
    return sorted(ended, key=lambda child: (times.ends[child], -times.starts[child], -child))


def _add(found: list[Segment], number: int, start: int, end: int) -> None:
    if end > start:
        found.append(Segment(number, start, end))


def _shares(path: Sequence[Segment], names: Sequence[tuple[str, str] | None]) -> tuple[Share, ...]:
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


def _operations(
    path: Sequence[Segment], own: Sequence[int], names: Sequence[tuple[str, str] | None]
) -> tuple[Operation, ...]:
    waited = Counter[int]()
    for segment in path:
        waited[segment.row] += segment.end - segment.start
    rows: dict[tuple[str, str] | None, list[int]] = {}
    for row, name in enumerate(names):
        rows.setdefault(name, []).append(row)
    found = (_operation(*name, each, waited, own) for name, each in rows.items() if name)
    return tuple(
        sorted(found, key=lambda each: (-each.path, -each.own, each.service, each.operation))
    )


def _operation(
    service: str, operation: str, rows: Sequence[int], waited: Mapping[int, int], own: Sequence[int]
) -> Operation:
    """Sum up an operation; the row with the most of the path, then of its own, stands for it."""
    on_path = [row for row in rows if row in waited]
    if on_path:
        row = max(on_path, key=lambda row: (waited[row], own[row], -row))
    else:
        row = max(rows, key=own.__getitem__)
    return Operation(
        service,
        operation,
        spans=len(rows),
        path=sum(waited[row] for row in on_path),
        own=sum(map(own.__getitem__, rows)),
        row=row,
    )


def _own_and_gaps(
    times: Times, names: Sequence[tuple[str, str] | None]
) -> tuple[Sequence[int], tuple[Gap, ...]]:
    """Return each span's own time, and the longest gaps.

    Most spans have no children, and most gaps are shorter than those that were seen already.
    """
    own = array("Q", map(sub, times.ends, times.starts))
    longest: list[Gap] = []
    least = -1
    for row, children in enumerate(times.children):
        if not children:
            continue
        stretches = own_stretches(times, row)
        own[row] = sum(end - start for start, end in stretches)
        for start, end in stretches if names[row] is not None else ():
            if end - start >= least:
                longest = nsmallest(
                    MOST_GAPS, (*longest, Gap(row, start, end - start)), _longest_first
                )
                least = longest[-1].duration if len(longest) == MOST_GAPS else -1
    return own, tuple(longest)


def _longest_first(gap: Gap) -> tuple[int, int]:
    return -gap.duration, gap.start


def _sentences(
    shares: Sequence[Share],
    gaps: Sequence[Gap],
    names: Sequence[tuple[str, str] | None],
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
        yield (
            f"{format_duration(gap.duration)} in a row in {name[0]} {name[1]} "
            "with nothing below it running"
        )


def _times(share: Share) -> str:
    if len(share.durations) == 1:
        return f", {format_duration(share.duration)}"
    named = ", ".join(format_duration(each) for each in share.durations[:MOST_NAMED])
    rest = ", …" if len(share.durations) > MOST_NAMED else ""
    return f", {len(share.durations)} times ({named}{rest})"


def _percent(part: int, whole: int) -> str:
    return f"{100 * part / whole:.0f}%"
