"""Clock skew: find the clocks of a trace that differ, and align them.

No span starts before its parent, and the receiving side of a call does not start after the call
has ended: if the recorded times say so, the clocks differ. Differences of microseconds (below
LEAST) are ignored, and so are parents that form a cycle.

    recorded  client        ------------------
              server   ----------               starts before its cause: its clock is behind
    aligned   client        ------------------
              server            ----------      request and response took equally long

Aligning moves each clock as a whole. The clocks are taken in the order of the tree; the first
root's stays. The edges between a clock and earlier ones limit how far it may be moved, because of
what is true for every edge, with `p` as the parent and `c` as the child:

    c.start + move >= p.start + p's move     for any kinds
    c.end + move   <= p.end + p's move       if p is a client's, c a server's and no longer than p

If these allow a clock not to move, it does not. Otherwise, if calls limit it on both sides, it
gets the move in the middle, which makes request and response take equally long; else the smallest.
Jaeger's adjuster ("clock skew adjuster") does this for each span by itself, and also pulls spans
that run after their parent into it, which is wrong for asynchronous work. Spans share a clock if
their resources name the same host or instance; if a resource names neither, each connected part
of the tree that it ran is assumed to have its own clock.
"""

from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from ops.traces.tree import SpanTree
from ops.vocabulary.spans import KINDS, Process, Spans
from ops.vocabulary.timerange import MILLISECOND, format_duration

LEAST = MILLISECOND  # a smaller difference is normal
_ANY = 2**65  # more than any difference of two times
_SERVER, _CLIENT = KINDS.index("server"), KINDS.index("client")
Clock = str | int  # the resource's name for it, or the first span of a part of the tree


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
        """The nanoseconds that aligning adds to its times."""
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
    """How the clocks of a trace differ, the largest difference first.

    `early` spans start before their parents, by at most `most` nanoseconds; `late` spans start
    after the end of the call that they answer. `moves` has the nanoseconds that aligning adds to
    each span's times; spans that are not in it stay.
    """

    skews: tuple[Skew, ...] = ()
    early: int = 0
    most: int = 0
    late: int = 0
    moves: Mapping[int, int] = field(default_factory=dict)

    @property
    def sentences(self) -> tuple[str, ...]:
        """One sentence about it, or none if there is nothing to say."""
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


def compare_clocks(
    spans: Spans, tree: SpanTree, numbers: Sequence[int], above: Sequence[int]
) -> Clocks:
    """Find clocks that differ; `numbers` are the rows' spans, depth first, `above` parent rows."""
    early, late = _impossible(spans, tree)
    if not early and not late:
        return ALIKE
    clocks = _clocks(spans, numbers, above)
    bounds = _bounds(spans, tree, clocks)
    moves = _moves(bounds, (clocks[number] for number in numbers if number < len(spans)))
    return Clocks(
        skews=tuple(_skews(spans, tree, clocks, moves)),
        early=len(early),
        most=max((spans.starts[tree.parents[n]] - spans.starts[n] for n in early), default=0),
        late=len(late),
        moves={number: move for number, clock in enumerate(clocks) if (move := moves[clock])},
    )


def aligned(spans: Spans, clocks: Clocks) -> Spans:
    """Return the spans after moving the clocks that differ."""
    if not clocks.moves:
        return spans
    # Times before 1970 would need a sign.
    moves = [clocks.moves.get(number, 0) for number in range(len(spans))]
    starts = array("Q", (max(at + move, 0) for at, move in zip(spans.starts, moves, strict=True)))
    ends = array("Q", (max(at + move, 0) for at, move in zip(spans.ends, moves, strict=True)))
    return replace(spans, starts=starts, ends=ends)


def _impossible(spans: Spans, tree: SpanTree) -> tuple[list[int], list[int]]:
    """Return the spans that start before their parents, and those after the end of their call."""
    starts, ends = np.asarray(spans.starts, np.uint64), np.asarray(spans.ends, np.uint64)
    kinds, parents = np.asarray(spans.kinds.numbers), np.asarray(tree.parents)[: len(spans)]
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
        if (parent := tree.parents[number]) not in spans.endless and parent not in spans.failing
    ]
    return (
        [number for number in early if _says(spans, tree, number)],
        [number for number in late if _says(spans, tree, number)],
    )


def _says(spans: Spans, tree: SpanTree, number: int) -> bool:
    """Return whether a span and its parent say anything about clocks."""
    parent = tree.parents[number]
    return (
        0 <= parent < len(spans)
        and not (number in tree.in_cycles and parent in tree.in_cycles)
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
    """How far one clock may be moved from another; `waited` is `most` because of calls alone."""

    least: int = -_ANY
    most: int = _ANY
    waited: int = _ANY

    def narrow(self, least: int, most: int, waited: int = _ANY) -> None:
        self.least = max(self.least, least)
        self.most = min(self.most, most)
        self.waited = min(self.waited, waited)

    def move(self) -> int:
        """Return the best of the allowed moves."""
        if self.least <= 0 <= self.most:
            return 0
        if self.least > self.most:
            return self.least  # impossible: then at least nothing starts before its cause
        if self.waited < _ANY // 2 and self.least > -_ANY // 2:
            return min((self.least + self.waited) // 2, self.most)
        return self.least if self.least > 0 else self.most


_Bounds = dict[Clock, dict[Clock, _Bound]]


def _bounds(spans: Spans, tree: SpanTree, clocks: Sequence[Clock]) -> _Bounds:
    """Return for each pair of clocks how far the first may be moved from the second."""
    found: _Bounds = {}
    for number, clock in enumerate(clocks):
        parent = tree.parents[number]
        if not _says(spans, tree, number) or clocks[parent] == clock:
            continue
        other = clocks[parent]
        least = spans.starts[parent] - spans.starts[number]
        most = _most(spans, number, parent)
        found.setdefault(clock, {}).setdefault(other, _Bound()).narrow(least, most, most)
        found.setdefault(other, {}).setdefault(clock, _Bound()).narrow(-most, -least)
    return found


def _most(spans: Spans, number: int, parent: int) -> int:
    """Return how far a span may be moved and still end before its parent, if that waits for it."""
    most = spans.ends[parent] - spans.ends[number]
    call = spans.kinds[number] == "server" and spans.kinds[parent] == "client"
    fits = most >= spans.starts[parent] - spans.starts[number]
    return most if call and fits and parent not in spans.endless else _ANY


def _moves(bounds: _Bounds, clocks: Iterable[Clock]) -> dict[Clock, int]:
    """Return how far each clock is moved; `clocks` are in the order of the tree."""
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
    spans: Spans, tree: SpanTree, clocks: Sequence[Clock], moves: Mapping[Clock, int]
) -> Iterator[Skew]:
    """Yield each moved clock once, compared with one that was not moved."""
    still = next(number for number, clock in enumerate(clocks) if not moves[clock])
    found: dict[Clock, Skew] = {}
    for number, clock in enumerate(clocks):
        if clock in found or abs(moves[clock]) < LEAST or not _says(spans, tree, number):
            continue
        parent = tree.parents[number]
        name, other = _names(spans, number, still if moves[clocks[parent]] else parent)
        found[clock] = Skew(name, other, -moves[clock])
    yield from sorted(found.values(), key=lambda skew: (-abs(skew.ahead), skew.name))


def _names(spans: Spans, number: int, other: int) -> tuple[str, str]:
    """Return the services of two spans, with host or instance if the services are the same."""
    one, two = (spans.processes[spans.ran_by[each]] for each in (number, other))
    if one.service != two.service:
        return one.service, two.service
    return _where(one), _where(two)


def _where(process: Process) -> str:
    return " on ".join(filter(None, (process.service, process.host or process.instance)))
