"""Two traces side by side: what is new, missing, slower, faster in the second, and what failed.

Two spans correspond if their parents do, if service and operation are the same, and if each is
the n-th of that name below its parent, by start. Roots correspond in the same way. Spans below a
span without a counterpart have none either.

How much of the difference between the traces' durations an operation explains: each moment of a
trace is split evenly between the spans doing their own work then, which means running while none
of their children runs. An operation explains its share of the second trace minus its share of
the first. So a hundred concurrent calls that each take a second longer explain one second in
total, and all operations together explain the whole difference, except moments without any span.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, TypeVar

from ops.traces.failures import SpanError
from ops.traces.own_time import even_parts, own_stretches
from ops.traces.paths import MISSING_PARENT, shortened
from ops.traces.rows import SpanRows
from ops.traces.trace import Trace
from ops.vocabulary.timerange import format_duration

Kind = Literal["new", "missing", "slower", "faster", "same"]
Name = tuple[str, str] | None
LEAST_SHARE = 0.01  # of the longer trace; smaller differences in own time do not count
LEAST_SAID = 0.05  # of the difference; a smaller share is not worth mentioning
LONGEST_NAME = 120
_ALONE = -2
N = TypeVar("N", int, float)


@dataclass(frozen=True, slots=True)
class Difference:
    """The corresponding spans of one path from the root, or spans without a counterpart.

    Pairs are of the first and the second trace: how many spans, the sum of their durations and
    of their own times (nanoseconds), and the row of the span that differs most, None if there is
    none. `explains` is in nanoseconds. `path` has the operations from the root, shortened.
    """

    kind: Kind
    service: str
    operation: str
    path: tuple[str, ...]
    counts: tuple[int, int]
    durations: tuple[int, int]
    owns: tuple[int, int]
    rows: tuple[int | None, int | None]
    explains: int


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two traces, A and B, and their differences, those that explain most first.

    `new_errors` are failing spans of B whose counterpart in A did not fail or does not exist;
    `vanished_errors` are the same for A.
    """

    first: Trace
    second: Trace
    differences: tuple[Difference, ...]
    new_errors: tuple[SpanError, ...]
    vanished_errors: tuple[SpanError, ...]

    @property
    def longer(self) -> int:
        """By how many nanoseconds the second trace took longer."""
        return self.second.duration - self.first.duration

    @property
    def main(self) -> Difference | None:
        """The difference that explains most of why B took more or less time."""
        sign = 1 if self.longer > 0 else -1
        most = max(self.differences, key=lambda each: sign * each.explains, default=None)
        return most if most and self.longer and sign * most.explains > 0 else None

    @property
    def verdict(self) -> str:
        """`B took 1.17 s longer: store Query explains 98%`."""
        if not self.longer:
            return "A and B took equally long"
        took = format_duration(abs(self.longer))
        verdict = f"B took {took} {'longer' if self.longer > 0 else 'less'}"
        share = self.main.explains / self.longer if self.main else 0
        if not self.main or share < LEAST_SAID:
            return verdict
        name = f"{self.main.service} {self.main.operation}"[:LONGEST_NAME]
        return (
            f"{verdict}: {name} explains {f'{100 * share:.0f}%' if share < 0.995 else 'all of it'}"
        )


def compare(first: Trace, second: Trace) -> Comparison:
    """Compare two traces; takes about a second per 100,000 spans."""
    partners = _partners(first.rows, second.rows)
    taken = set(partners)
    alone = [row for row in range(len(second.rows)) if row not in taken]
    back = {partner: row for row, partner in enumerate(partners) if partner >= 0}
    return Comparison(
        first=first,
        second=second,
        differences=tuple(_differences(first, second, partners, alone)),
        new_errors=_only_here(second, first, back),
        vanished_errors=_only_here(first, second, dict(enumerate(partners))),
    )


def kind_of(counts: tuple[int, int], owns: tuple[int, int], least: float) -> Kind:
    """Classify an operation; own times that differ by less than `least` count as the same."""
    if not counts[0] or not counts[1]:
        return "missing" if counts[0] else "new"
    change = owns[1] - owns[0]
    if abs(change) < max(least, 1):
        return "same"
    return "slower" if change > 0 else "faster"


def _partners(first: SpanRows, second: SpanRows) -> list[int]:
    """Return the row in the second trace that corresponds to each of the first, or _ALONE."""
    waiting: dict[tuple[int, Name], list[int]] = {}
    names = second.names()
    for row in reversed(range(len(second))):
        waiting.setdefault((second.parents[row], names[row]), []).append(row)
    partners: list[int] = []
    for parent, name in zip(first.parents, first.names(), strict=True):
        above = partners[parent] if parent >= 0 else -1
        candidates = waiting.get((above, name))
        partners.append(candidates.pop() if candidates else _ALONE)
    return partners


def _only_here(trace: Trace, other: Trace, partners: dict[int, int]) -> tuple[SpanError, ...]:
    return tuple(
        error
        for error in trace.errors
        if (partner := partners.get(error.row, _ALONE)) < 0 or not other.rows.has_failed(partner)
    )


@dataclass(frozen=True, slots=True)
class _Columns:
    """The columns to add up, one entry per row; both traces share the numbers in `paths`."""

    paths: Sequence[int]
    durations: Sequence[int]
    owns: Sequence[int]
    parts: Sequence[float]


def _differences(
    first: Trace, second: Trace, partners: Sequence[int], alone: Sequence[int]
) -> list[Difference]:
    paths: dict[tuple[int, Name], int] = {}
    columns = _columns(first, paths), _columns(second, paths)
    groups: dict[tuple[int, bool, bool], list[tuple[int, int]]] = defaultdict(list)
    for pair in _pairs(partners, alone):
        side = 0 if pair[0] >= 0 else 1
        groups[columns[side].paths[pair[side]], pair[0] >= 0, pair[1] >= 0].append(pair)
    written = _written(paths)
    names = [name for _, name in paths]
    least = LEAST_SHARE * max(first.duration, second.duration)
    found = [
        _difference(name, written[path], columns, pairs, least)
        for (path, *_), pairs in groups.items()
        if (name := names[path])
    ]
    return sorted(found, key=lambda each: (-abs(each.explains), each.path, each.kind))


def _pairs(partners: Sequence[int], alone: Sequence[int]) -> Iterator[tuple[int, int]]:
    yield from enumerate(partners)
    for row in alone:
        yield _ALONE, row


def _columns(trace: Trace, paths: dict[tuple[int, Name], int]) -> _Columns:
    """Read the columns of a trace, and add its new paths to `paths`."""
    rows = trace.rows
    names, times = rows.names(), rows.times()
    stretches = [own_stretches(times, row) if name else [] for row, name in enumerate(names)]
    found: list[int] = []
    for parent, name in zip(rows.parents, names, strict=True):
        above = found[parent] if parent >= 0 else -1
        found.append(paths.setdefault((above, name), len(paths)))
    return _Columns(
        paths=found,
        durations=[end - start for start, end in zip(times.starts, times.ends, strict=True)],
        owns=trace.timing.own,
        parts=even_parts(stretches),
    )


def _written(paths: dict[tuple[int, Name], int]) -> list[tuple[str, ...]]:
    written: list[tuple[str, ...]] = []
    for above, name in paths:
        operation = name[1] if name else MISSING_PARENT
        written.append(shortened((*(written[above] if above >= 0 else ()), operation)))
    return written


def _difference(
    name: tuple[str, str],
    path: tuple[str, ...],
    columns: tuple[_Columns, _Columns],
    pairs: Sequence[tuple[int, int]],
    least: float,
) -> Difference:
    """Add up pairs of rows; either the same side is _ALONE in all of them, or none is."""
    rows = [[row for row in side if row >= 0] for side in zip(*pairs, strict=True)]
    counts = len(rows[0]), len(rows[1])
    owns = _sum(columns[0].owns, rows[0]), _sum(columns[1].owns, rows[1])
    first, second = max(pairs, key=lambda pair: abs(_own(columns, pair)))
    return Difference(
        kind=kind_of(counts, owns, least),
        service=name[0],
        operation=name[1],
        path=path,
        counts=counts,
        durations=(_sum(columns[0].durations, rows[0]), _sum(columns[1].durations, rows[1])),
        owns=owns,
        rows=(first if first >= 0 else None, second if second >= 0 else None),
        explains=round(_sum(columns[1].parts, rows[1]) - _sum(columns[0].parts, rows[0])),
    )


def _own(columns: tuple[_Columns, _Columns], pair: tuple[int, int]) -> int:
    """Return by how much the own times of two rows differ."""
    owns = [columns[side].owns[row] if row >= 0 else 0 for side, row in enumerate(pair)]
    return owns[1] - owns[0]


def _sum(column: Sequence[N], rows: Sequence[int]) -> N | Literal[0]:
    return sum(column[row] for row in rows)
