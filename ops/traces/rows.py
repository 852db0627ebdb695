"""The rows of a waterfall: the spans of a trace in the order of their tree, as columns.

The order is depth first, children by start. No span is visited by itself, because a trace has up
to a hundred thousand: numpy finds for all rows at once which row comes next,

    a            its first child, b
    ├─ b         the same, c
    │  └─ c      no child and no later sibling: that of the nearest ancestor that has one, d
    └─ d         nothing is left: the end

and then how many steps each is from the end, which is its place.
"""

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import overload

import numpy as np

from ops.traces.times import Times
from ops.traces.tree import SpanTree
from ops.vocabulary.columns import Coded, Numbers, order_of, packed, steps_to_end
from ops.vocabulary.spans import Span, Spans


@dataclass(frozen=True, slots=True)
class SpanRow:
    """A line of the waterfall, in depth-first order (children by start, then span ID).

    `depth` is 0 for a root, `parent` the index of the parent's row or -1, `children` how many
    rows have this one as their parent. A row whose `span` is None represents a parent that
    is missing from the trace: `missing_id` is its span ID, its children are the orphans.
    """

    span: Span | None
    depth: int
    parent: int
    children: int
    missing_id: str = ""


@dataclass(frozen=True, slots=True)
class SpanRows(Sequence[SpanRow]):
    """The lines of a waterfall as columns, and each one as a SpanRow.

    `numbers` are those of the spans; a missing parent has one from `len(spans)` on. `parents`
    are rows, -1 for none. `again` numbers the spans that repeat an earlier span's ID, from 2 on.

    Indexing parses the whole span; the methods, which take a row's index, are quick.
    """

    spans: Spans
    numbers: Sequence[int]
    parents: Sequence[int]
    depths: Sequence[int]
    children: Sequence[int]
    missing: Sequence[str]
    again: Mapping[int, int]

    def __len__(self) -> int:
        return len(self.numbers)

    @overload
    def __getitem__(self, index: int) -> SpanRow: ...
    @overload
    def __getitem__(self, index: slice) -> list[SpanRow]: ...
    def __getitem__(self, index: int | slice) -> SpanRow | list[SpanRow]:
        if isinstance(index, slice):
            return [self[each] for each in range(*index.indices(len(self)))]
        missing = self.is_missing(index)
        return SpanRow(
            span=None if missing else self.spans.store[self.numbers[index]],
            depth=self.depths[index],
            parent=self.parents[index],
            children=self.children[index],
            missing_id=self.span_id(index) if missing else "",
        )

    def is_missing(self, row: int) -> bool:
        """Return whether it is a parent that is missing from the trace."""
        return self.numbers[row] >= len(self.spans)

    def span_id(self, row: int) -> str:
        """Return the span ID, also of a missing parent."""
        number, count = self.numbers[row], len(self.spans)
        return self.spans.ids[number] if number < count else self.missing[number - count]

    def name(self, row: int) -> tuple[str, str] | None:
        """Return service and operation, None for a missing parent."""
        return None if self.is_missing(row) else self.spans.names[self.numbers[row]]

    def start(self, row: int) -> int:
        """Return when a span started, in Unix nanoseconds; 0 for a missing parent."""
        return 0 if self.is_missing(row) else self.spans.starts[self.numbers[row]]

    def duration(self, row: int) -> int:
        """Return a span's duration in nanoseconds; 0 for a missing parent."""
        number = self.numbers[row]
        return 0 if self.is_missing(row) else self.spans.ends[number] - self.spans.starts[number]

    def has_failed(self, row: int) -> bool:
        """Return whether the span failed."""
        return self.numbers[row] in self.spans.failing

    def has_warnings(self, row: int) -> bool:
        """Return whether Jaeger added warnings to the span."""
        return self.numbers[row] in self.spans.warnings

    def is_endless(self, row: int) -> bool:
        """Return whether the span came without a usable end."""
        return self.numbers[row] in self.spans.endless

    def is_untimed(self, row: int) -> bool:
        """Return whether the span came without a usable start."""
        return self.numbers[row] in self.spans.untimed

    def key(self, row: int) -> str:
        """Return a row's unique key: its span ID, or `ID.2` for the second span with that ID."""
        again = self.again.get(self.numbers[row])
        return f"{self.span_id(row)}.{again}" if again else self.span_id(row)

    def of_key(self, key: str) -> list[int]:
        """Return the rows with a span ID, or the one with that key."""
        span_id, _, again = key.partition(".")
        ids = {number for number, each in enumerate(self.spans.ids) if each == span_id}
        ids |= {len(self.spans) + n for n, each in enumerate(self.missing) if each == span_id}
        rows = [row for row, number in enumerate(self.numbers) if number in ids] if ids else []
        return [row for row in rows if self.key(row) == key] if again else rows

    def among(self, spans: AbstractSet[int]) -> Sequence[int]:
        """Return the rows of these spans, given by their numbers."""
        found: list[int] = []
        if spans:
            found = np.flatnonzero(np.isin(np.asarray(self.numbers), list(spans))).tolist()
        return found

    def column(self, of_spans: Sequence[int] | Numbers, missing: int) -> Numbers:
        """Arrange a column of the spans by row, with the given entry for missing parents."""
        column = np.asarray(of_spans)
        absent = np.full(len(self.missing), missing, column.dtype)
        found: Numbers = np.append(column, absent)[np.asarray(self.numbers, np.intp)]
        return found

    def times(self) -> Times:
        """Return when each row ran; a missing parent ran as long as its children."""
        starts = self.column(np.asarray(self.spans.starts, np.uint64), 2**63)
        ends = self.column(np.asarray(self.spans.ends, np.uint64), 0)
        if self.missing:
            parents = np.asarray(self.parents)
            missing = np.asarray(self.numbers) >= len(self.spans)
            orphans = np.flatnonzero((parents >= 0) & missing[parents])
            np.minimum.at(starts, parents[orphans], starts[orphans])
            np.maximum.at(ends, parents[orphans], ends[orphans])
        return Times.of(packed("Q", starts), packed("Q", ends), self.parents)

    def names(self) -> Coded[tuple[str, str] | None]:
        """Return each row's service and operation, None for a missing parent."""
        names = self.spans.names
        if self.missing:
            return Coded.of(map(self.name, range(len(self))))
        return Coded(packed("I", self.column(names.numbers, 0)), names.value)


def rows_of(spans: Spans, tree: SpanTree) -> SpanRows:
    """Arrange the spans of a trace; a missing parent gets a row of its own."""
    parents = np.asarray(tree.parents)
    above = np.append(parents, -1)
    places = len(parents) - steps_to_end(_next_rows(spans, above))[:-1]
    numbers = np.empty_like(places)
    numbers[places] = np.arange(len(places))
    counts = np.bincount(above + 1, minlength=len(above))[: len(above)]
    again = {
        number: which
        for sharing in (sorted(each, key=places.__getitem__) for each in tree.shared.values())
        for which, number in enumerate(sharing[1:], 2)
    }
    return SpanRows(
        spans,
        numbers=packed("Q", numbers),
        parents=packed("q", np.append(places, -1)[parents][numbers]),
        depths=packed("Q", np.asarray(tree.depths)[numbers]),
        children=packed("Q", counts[1:][numbers]),
        missing=tree.missing,
        again=again,
    )


def _next_rows(spans: Spans, above: Numbers) -> Numbers:
    """Return for each number that of the next row; -1 is the end, which has the last place."""
    order = _by_start(spans, above[:-1])
    siblings = order[order_of(above[order])]
    families = above[siblings]
    begins = np.append(True, families[1:] != families[:-1])
    first, following = np.full_like(above, -1), np.full_like(above, -1)
    first[families[begins]] = siblings[begins]
    following[siblings[:-1][~begins[1:]]] = siblings[1:][~begins[1:]]
    # The nearest of itself and its ancestors that has a later sibling.
    having = np.where(following >= 0, np.arange(len(above)), above)
    while ((further := having[having]) != having).any():
        having = further
    first[-1] = -1  # it was the first root
    return np.where(first >= 0, first, following[having])


def _by_start(spans: Spans, parents: Numbers) -> Numbers:
    """Return the numbers by start; a missing parent comes right before its first child."""
    order = np.argsort(np.asarray(spans.starts), kind="stable")
    if len(parents) == len(order):
        return order
    ranks = np.full(len(parents), 2 * len(parents))
    ranks[order] = 2 * np.arange(len(order)) + 1
    orphans = np.flatnonzero(parents >= len(order))
    np.minimum.at(ranks, parents[orphans], ranks[orphans] - 1)
    return np.argsort(ranks)
