"""When the spans of a trace ran, as far as their clocks say it.

Three things keep the times that spans came with from being what one can draw:

- No time. Zipkin's format lets a span have none, which arrives as 0; broken clocks say 1970 or
  2262. Such spans are placed at the start of their parent, else of the earliest that is below them.
- Clocks that differ. Nothing begins before what started it, and the receiving side of a call does
  not begin after the call has ended: where that is what the times say, the clocks differ.
- Neither is a microsecond worth a word (LEAST), nor do parents that form a circle say anything.

Aligning moves each clock as a whole. The clocks are taken in the order of the tree, the first
root's as it is. The edges between a clock and those before it bound how far it may be moved, by
what is true of every edge, `p` being the parent and `c` the child:

    c.start + move >= p.start + p's move                       whatever they are
    c.end + move   <= p.end + p's move     if p is a client's, c a server's and no longer than p

Of the moves that these allow the clock gets none at all if it may; else, if calls bound it on both
sides, the one in the middle, with which request and response take equally long; else the least.
Jaeger's adjuster ("clock skew adjuster") does so for each span by itself, and also pulls what
runs after its parent into it, which is wrong for all that is asynchronous. Spans share a clock if
their resources name the same host or instance; if a resource names neither, each part of the tree
that it ran in one piece is taken to have a clock of its own.
"""

from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from ops.timerange import DAY, MILLISECOND, SECOND, format_duration
from ops.traces.family import Family
from ops.traces.spans import KINDS, Process, Spans

LEAST = MILLISECOND  # clocks that differ by less are as good as clocks get
FAR = 366 * DAY  # from the others: no time, but a clock that was never set
_EARLIEST, _LATEST = 946_684_800 * SECOND, 7_258_118_400 * SECOND  # the years 2000 and 2200
_ANY = 2**65  # more than any difference of two times
_SERVER, _CLIENT = KINDS.index("server"), KINDS.index("client")
Clock = str | int  # what the resource says, or the first span of a part of the tree


@dataclass(frozen=True, slots=True)
class Skew:
    """A clock that differs from another by `ahead` nanoseconds, at least.

    `name` and `other` are the services, with the host or instance if the services are the same.
    """

    name: str
    other: str
    ahead: int

    @property
    def moved(self) -> int:
        """What aligning adds to its times."""
        return -self.ahead

    @property
    def sentence(self) -> str:
        """`the clock of store is 3 ms behind that of petstore`."""
        way = "ahead of" if self.ahead > 0 else "behind"
        return (
            f"the clock of {self.name} is {format_duration(abs(self.ahead))} {way} "
            f"that of {self.other}"
        )


@dataclass(frozen=True, slots=True)
class Clocks:
    """What the clocks of a trace say of each other, those that differ most first.

    `early` spans start before their parents, by `most` nanoseconds at most; `late` ones after
    the call that they answer had ended. `moves` are nanoseconds that aligning adds to the times
    of spans; those that are not in it stay.
    """

    skews: tuple[Skew, ...] = ()
    early: int = 0
    most: int = 0
    late: int = 0
    moves: Mapping[int, int] = field(default_factory=dict)

    @property
    def sentences(self) -> tuple[str, ...]:
        """Say it in one sentence, none where nothing is to be said."""
        begin = f"{self.early} span starts before its parent"
        if self.early != 1:
            begin = f"{self.early} spans start before their parents"
        if not self.skews:
            by = format_duration(self.most)
            return (f"{begin} by up to {by}, although one clock timed them",) if self.early else ()
        others = len(self.skews) - 1
        more = f" (and {others} more differ)" if others else ""
        why = begin if self.early else "it answers a call that had already ended"
        return (f"{self.skews[0].sentence}{more}: {why}",)


ALIKE = Clocks()


def placed(spans: Spans, family: Family) -> Spans:
    """Give spans without a time the time of their parent; they are named in `untimed`."""
    untimed = _untimed(spans)
    if not untimed:
        return spans
    starts = _starts(spans, family.parents, untimed)
    ends = array("Q", spans.ends)
    for number in untimed:
        took = spans.ends[number] - spans.starts[number]
        until = spans.ends[number] - starts[number]
        ends[number] = starts[number] + _plausible(took, until)
    return replace(spans, starts=starts, ends=ends, untimed=frozenset(untimed))


def _plausible(took: int, until: int) -> int:
    """Return how long a span without a start took: as it says, else until its end, else 0."""
    return next((each for each in (took, until) if 0 <= each < FAR), 0)


def _untimed(spans: Spans) -> list[int]:
    """Return the spans whose start is no time beside the others'; as they are sorted, quickly."""
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


def compare_clocks(
    spans: Spans, family: Family, numbers: Sequence[int], above: Sequence[int]
) -> Clocks:
    """Find the clocks that differ; the rows, depth first, are span numbers and parents' rows."""
    early, late = _impossible(spans, family)
    if not early and not late:
        return ALIKE
    clocks = _clocks(spans, numbers, above)
    bounds = _bounds(spans, family, clocks)
    moves = _moves(bounds, (clocks[number] for number in numbers if number < len(spans)))
    return Clocks(
        skews=tuple(_skews(spans, family, clocks, moves)),
        early=len(early),
        most=max((spans.starts[family.parents[n]] - spans.starts[n] for n in early), default=0),
        late=len(late),
        moves={number: move for number, clock in enumerate(clocks) if (move := moves[clock])},
    )


def aligned(spans: Spans, clocks: Clocks) -> Spans:
    """Move the clocks that differ."""
    if not clocks.moves:
        return spans
    # A clock that is moved to before 1970 would need a sign.
    moves = [clocks.moves.get(number, 0) for number in range(len(spans))]
    starts = array("Q", (max(at + move, 0) for at, move in zip(spans.starts, moves, strict=True)))
    ends = array("Q", (max(at + move, 0) for at, move in zip(spans.ends, moves, strict=True)))
    return replace(spans, starts=starts, ends=ends)


def _impossible(spans: Spans, family: Family) -> tuple[list[int], list[int]]:
    """Return the spans that begin before their parents, and those whose call had ended."""
    starts, ends = np.asarray(spans.starts, np.uint64), np.asarray(spans.ends, np.uint64)
    kinds, parents = np.asarray(spans.kinds.numbers), np.asarray(family.parents)[: len(spans)]
    children = np.flatnonzero((parents >= 0) & (parents < len(spans)))
    parents = parents[children]
    begin, before = starts[children], starts[parents]
    early = children[(before >= LEAST) & (begin <= before - np.uint64(LEAST))].tolist()
    call = (kinds[children] == _SERVER) & (kinds[parents] == _CLIENT)
    late = [
        number
        for number in children[
            call & (begin >= LEAST) & (begin - np.uint64(LEAST) >= ends[parents])
        ].tolist()
        if (parent := family.parents[number]) not in spans.endless and parent not in spans.failing
    ]
    return (
        [number for number in early if _says(spans, family, number)],
        [number for number in late if _says(spans, family, number)],
    )


def _says(spans: Spans, family: Family, number: int) -> bool:
    """Tell whether a span and its parent say anything of clocks."""
    parent = family.parents[number]
    return (
        0 <= parent < len(spans)
        and not (number in family.circled and parent in family.circled)
        and number not in spans.untimed
        and parent not in spans.untimed
    )


def _clocks(spans: Spans, numbers: Sequence[int], above: Sequence[int]) -> list[Clock]:
    """Return the clock of each span."""
    found: list[Clock] = [-1] * len(spans)
    for row, number in enumerate(numbers):
        if number >= len(spans):
            continue
        process = spans.ran_by[number]
        parent = numbers[above[row]] if above[row] >= 0 else len(spans)
        if named := spans.processes[process].clock:
            found[number] = named
        elif parent < len(spans) and spans.ran_by[parent] == process:
            found[number] = found[parent]
        else:
            found[number] = number
    return found


@dataclass(slots=True)
class _Bound:
    """How far one clock may be moved from another; `waited` is `most` by calls alone."""

    least: int = -_ANY
    most: int = _ANY
    waited: int = _ANY

    def narrow(self, least: int, most: int, waited: int = _ANY) -> None:
        self.least = max(self.least, least)
        self.most = min(self.most, most)
        self.waited = min(self.waited, waited)

    def move(self) -> int:
        """Return the move that is best of those allowed."""
        if self.least <= 0 <= self.most:
            return 0
        if self.least > self.most:
            return self.least  # not possible: then at least nothing begins before its cause
        if self.waited < _ANY // 2 and self.least > -_ANY // 2:
            return min((self.least + self.waited) // 2, self.most)
        return self.least if self.least > 0 else self.most


_Bounds = dict[Clock, dict[Clock, _Bound]]


def _bounds(spans: Spans, family: Family, clocks: Sequence[Clock]) -> _Bounds:
    """Return for each two clocks how far the first may be moved from the second."""
    found: _Bounds = {}
    for number, clock in enumerate(clocks):
        parent = family.parents[number]
        if not _says(spans, family, number) or clocks[parent] == clock:
            continue
        other = clocks[parent]
        least = spans.starts[parent] - spans.starts[number]
        most = _most(spans, number, parent)
        found.setdefault(clock, {}).setdefault(other, _Bound()).narrow(least, most, most)
        found.setdefault(other, {}).setdefault(clock, _Bound()).narrow(-most, -least)
    return found


def _most(spans: Spans, number: int, parent: int) -> int:
    """Return how far a span may be moved so that it ends before its parent, if that waits."""
    most = spans.ends[parent] - spans.ends[number]
    call = spans.kinds[number] == "server" and spans.kinds[parent] == "client"
    fits = most >= spans.starts[parent] - spans.starts[number]
    return most if call and fits and parent not in spans.endless else _ANY


def _moves(bounds: _Bounds, clocks: Iterable[Clock]) -> dict[Clock, int]:
    """Return how far each clock is moved; they come in the order of the tree."""
    moves: dict[Clock, int] = {}
    for clock in clocks:
        if clock in moves:
            continue
        allowed = _Bound()
        for other, bound in bounds.get(clock, {}).items():
            if (moved := moves.get(other)) is not None:
                allowed.narrow(bound.least + moved, bound.most + moved, bound.waited + moved)
        moves[clock] = allowed.move()
    return moves


def _skews(
    spans: Spans, family: Family, clocks: Sequence[Clock], moves: Mapping[Clock, int]
) -> Iterator[Skew]:
    """Give each clock that was moved once, beside one that was not."""
    still = next(number for number, clock in enumerate(clocks) if not moves[clock])
    found: dict[Clock, Skew] = {}
    for number, clock in enumerate(clocks):
        if clock in found or abs(moves[clock]) < LEAST or not _says(spans, family, number):
            continue
        parent = family.parents[number]
        name, other = _names(spans, number, still if moves[clocks[parent]] else parent)
        found[clock] = Skew(name, other, -moves[clock])
    yield from sorted(found.values(), key=lambda skew: (-abs(skew.ahead), skew.name))


def _names(spans: Spans, number: int, other: int) -> tuple[str, str]:
    """Return the services of two spans, told apart by host or instance if they are the same."""
    one, two = (spans.processes[spans.ran_by[each]] for each in (number, other))
    if one.service != two.service:
        return one.service, two.service
    return _where(one), _where(two)


def _where(process: Process) -> str:
    return " on ".join(filter(None, (process.service, process.host or process.instance)))
