"""One trace as people read it: spans in tree order, errors, what is missing."""

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, replace
from itertools import chain
from typing import overload

import numpy as np

from ops.once import Once
from ops.traces.clocks import Clocks, aligned, compare_clocks, placed
from ops.traces.family import Family, family_of
from ops.traces.links import SpanLink, links_of
from ops.traces.timing import Times, Timing, where_time_went
from ops.vocabulary.columns import Coded, Numbers, counted, packed, steps_to_end
from ops.vocabulary.spans import Process, Span, Spans, failure, what_failed

MOST_ERRORS = 1_000
LONGEST_PATH = 40
MISSING_PARENT = "missing parent"
_NUMBERS = re.compile(r"[0-9][0-9a-f.,:]*")


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
    """

    spans: Spans
    numbers: Sequence[int]
    parents: Sequence[int]
    depths: Sequence[int]
    children: Sequence[int]
    missing: Sequence[str]
    again: Mapping[int, int]
    _timing: Once[Timing] = field(default_factory=Once, repr=False, compare=False)

    @property
    def timing(self) -> Timing:
        """Where the time went, in rows; slow on first access."""
        return self._timing.get(lambda: where_time_went(times_of(self), names_of(self)))

    def __len__(self) -> int:
        return len(self.numbers)

    @overload
    def __getitem__(self, index: int) -> SpanRow: ...
    @overload
    def __getitem__(self, index: slice) -> list[SpanRow]: ...
    def __getitem__(self, index: int | slice) -> SpanRow | list[SpanRow]:
        if isinstance(index, slice):
            return [self[each] for each in range(*index.indices(len(self)))]
        span = self.span(index)
        return SpanRow(
            span=None if span is None else self.spans.store[span],
            depth=self.depths[index],
            parent=self.parents[index],
            children=self.children[index],
            missing_id="" if span is not None else self.span_id(index),
        )

    def span(self, row: int) -> int | None:
        """Return the number of a row's span, None for a missing parent."""
        number = self.numbers[row]
        return number if number < len(self.spans) else None

    def span_id(self, row: int) -> str:
        """Return the span ID, also of a missing parent."""
        number, count = self.numbers[row], len(self.spans)
        return self.spans.ids[number] if number < count else self.missing[number - count]

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


@dataclass(frozen=True, slots=True)
class SpanError:
    """A failing span: its row's index, the message, and the operations from the root to it.

    A path of more than LONGEST_PATH operations has "…" instead of its middle.
    """

    row: int
    service: str
    operation: str
    message: str
    path: tuple[str, ...]

    @property
    def sentence(self) -> str:
        """`store.Query: deadline exceeded`."""
        return failure(self.operation, self.message)


@dataclass(frozen=True, slots=True)
class Ran:
    """A process that ran spans of a trace, and how many."""

    process: Process
    spans: int


@dataclass(frozen=True, slots=True)
class Trace:
    """A whole trace. Times are Unix nanoseconds, durations nanoseconds.

    `service` and `operation` are the root span's, "" if it is missing; `root` is its number.
    `services` and `operations` are distinct names by first start, `errors` the deepest first
    (then by start), at most MOST_ERRORS of `error_count`, `warnings` distinct sentences about
    the whole (clock skew, truncation, missing parents, several roots, duplicate IDs, cycles).
    `ran` says where it ran, in the order of the services. `clocks` compares the clocks before
    any are moved; `aligned` means that they were, see `align`. `jaeger_url` is "" if the site
    has no UI. `links` are those of its spans, at most links.MOST; `linked_from` the known links
    to its spans, see ops.traces.links.
    """

    site: str
    trace_id: str
    start: int
    duration: int
    service: str
    operation: str
    root: int | None
    services: tuple[str, ...]
    operations: tuple[str, ...]
    ran: tuple[Ran, ...]
    errors: tuple[SpanError, ...]
    error_count: int
    warnings: tuple[str, ...]
    rows: SpanRows
    span_count: int
    missing_parents: int
    jaeger_url: str
    family: Family
    clocks: Clocks
    links: tuple[SpanLink, ...]
    linked_from: tuple[SpanLink, ...] = ()
    aligned: bool = False

    @property
    def as_of(self) -> int:
        """When it was requested from the backend, Unix nanoseconds."""
        return self.rows.spans.as_of

    @property
    def timing(self) -> Timing:
        """Where its time went, in rows; slow on first access."""
        return self.rows.timing

    def tags(self) -> list[str]:
        """Return the distinct tag keys of all spans, sorted.

        As in Jaeger's api_v2, they are the attributes and what it derives from kind, status,
        scope and trace state. A process's tags do not belong to the span.
        """
        return sorted(self.rows.spans.store.tag_keys())


def build_trace(site: str, trace_id: str, spans: Spans, jaeger_url: str = "") -> Trace:
    """Arrange the spans of a trace as a tree; there must be at least one.

    Every span has a row, whatever the IDs are, see ops.traces.family. A missing parent gets a
    row of its own. If parents form a circle, its earliest span becomes a root.
    """
    family = family_of(spans)
    spans = placed(spans, family)
    rows = _rows(spans, family)
    clocks = compare_clocks(spans, family, rows.numbers, rows.parents)
    return _assembled(site, trace_id, rows, family, clocks, jaeger_url)


def align(trace: Trace) -> Trace:
    """Move those clocks of a trace that differ, see ops.traces.clocks."""
    spans, family = aligned(trace.rows.spans, trace.clocks), trace.family
    rows = _rows(spans, family)
    moved = _assembled(trace.site, trace.trace_id, rows, family, trace.clocks, trace.jaeger_url)
    return replace(moved, aligned=True)


def _assembled(
    site: str, trace_id: str, rows: SpanRows, family: Family, clocks: Clocks, jaeger_url: str
) -> Trace:
    spans = rows.spans
    roots = _roots(spans, family)
    root = min(roots, key=spans.starts.__getitem__, default=None)
    service, operation = spans.names[root] if root is not None else ("", "")
    start, end = _start_and_end(spans)
    names = spans.names.distinct()
    services = tuple(dict.fromkeys(service for service, _ in names))
    return Trace(
        site=site,
        trace_id=trace_id,
        start=start,
        duration=end - start,
        service=service,
        operation=operation,
        root=root,
        services=services,
        operations=tuple(dict.fromkeys(operation for _, operation in names)),
        ran=_ran(spans, services),
        errors=_errors(rows),
        error_count=len(spans.failing),
        warnings=tuple(_warnings(spans, family, clocks, len(roots))),
        rows=rows,
        span_count=len(spans),
        missing_parents=len(family.missing),
        jaeger_url=jaeger_url,
        family=family,
        clocks=clocks,
        links=links_of(spans),
    )


def rows_with(trace: Trace, text: str) -> tuple[int, ...]:
    """Return the rows whose spans contain a text, or `key=value`, anywhere."""
    spans = trace.rows.spans
    found = set(spans.store.find(text))
    if text in ("error", "error=true"):
        found |= spans.failing
    return tuple(row for row, number in enumerate(trace.rows.numbers) if number in found)


def _roots(spans: Spans, family: Family) -> list[int]:
    """Return the spans that claim to have no parent, without the second sides of calls."""
    parents = np.asarray(family.parents)[: len(spans)]
    found: list[int]
    found = np.flatnonzero((np.asarray(spans.parent_ids.numbers) == 0) & (parents < 0)).tolist()
    return found


def _start_and_end(spans: Spans) -> tuple[int, int]:
    return int(np.min(spans.starts)), int(np.max(spans.ends))


def _ran(spans: Spans, services: Sequence[str]) -> tuple[Ran, ...]:
    """Return the processes and their span counts; equal processes are merged."""
    counts = Counter[Process]()
    for number, count in counted(spans.ran_by):
        counts[spans.processes[number]] += count
    places = {service: place for place, service in enumerate(services)}
    order = sorted(counts, key=lambda each: (places[each.service], -counts[each], each.instance))
    return tuple(Ran(process, counts[process]) for process in order)


def _rows(spans: Spans, family: Family) -> SpanRows:
    parents = np.asarray(family.parents)
    above = np.append(parents, -1)
    places = len(parents) - steps_to_end(_next_rows(spans, above))[:-1]
    numbers = np.empty_like(places)
    numbers[places] = np.arange(len(places))
    depths, counts = steps_to_end(above)[:-1] - 1, np.bincount(above + 1)
    counts.resize(len(above))
    again = {
        number: which
        for sharing in (sorted(each, key=places.__getitem__) for each in family.shared.values())
        for which, number in enumerate(sharing[1:], 2)
    }
    return SpanRows(
        spans,
        numbers=packed("Q", numbers),
        parents=packed("q", np.append(places, -1)[parents][numbers]),
        depths=packed("Q", depths[numbers]),
        children=packed("Q", counts[1:][numbers]),
        missing=family.missing,
        again=again,
    )


def _next_rows(spans: Spans, above: Numbers) -> Numbers:
    """Return for each number that of the next row; -1 is the end, which has the last place.

    The next row is the first child, or else the next sibling of itself or of its nearest ancestor
    that has one.
    """
    order = _by_start(spans, above[:-1])
    siblings = order[np.argsort(above[order], kind="stable")]
    families = above[siblings]
    begins = np.append(True, families[1:] != families[:-1])
    first, following = np.full_like(above, -1), np.full_like(above, -1)
    first[families[begins]] = siblings[begins]
    following[siblings[:-1][~begins[1:]]] = siblings[1:][~begins[1:]]
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


def times_of(rows: SpanRows) -> Times:
    """Return when each row ran; a missing parent ran as long as its children."""
    numbers, parents = np.asarray(rows.numbers, np.intp), np.asarray(rows.parents)
    starts = np.append(np.asarray(rows.spans.starts, np.uint64), np.uint64(2**63))
    ends = np.append(np.asarray(rows.spans.ends, np.uint64), np.uint64(0))
    numbers = np.minimum(numbers, len(rows.spans))
    starts, ends = starts[numbers], ends[numbers]
    orphans = np.flatnonzero((parents >= 0) & (numbers[parents] == len(rows.spans)))
    np.minimum.at(starts, parents[orphans], starts[orphans])
    np.maximum.at(ends, parents[orphans], ends[orphans])
    return Times.of(packed("Q", starts), packed("Q", ends), rows.parents)


def names_of(rows: SpanRows) -> Coded[tuple[str, str] | None]:
    """Return each row's service and operation, None for a missing parent."""
    names, count = rows.spans.names, len(rows.spans)
    if not rows.missing:
        return Coded(packed("I", np.asarray(names.numbers)[np.asarray(rows.numbers)]), names.value)
    return Coded.of(names[number] if number < count else None for number in rows.numbers)


def _errors(rows: SpanRows) -> tuple[SpanError, ...]:
    failed = rows.spans.failing
    failing = np.flatnonzero(np.isin(rows.numbers, list(failed))).tolist() if failed else []
    failing.sort(key=lambda row: (-rows.depths[row], rows.numbers[row]))
    paths = _paths(rows, set(failing[:MOST_ERRORS]))
    return tuple(_error(rows, row, paths[row]) for row in failing[:MOST_ERRORS])


def _error(rows: SpanRows, row: int, path: tuple[str, ...]) -> SpanError:
    number = rows.numbers[row]
    service, operation = rows.spans.names[number]
    return SpanError(row, service, operation, what_failed(rows.spans.store[number]), path)


def _paths(rows: SpanRows, wanted: AbstractSet[int]) -> dict[int, tuple[str, ...]]:
    """Return the operations from the root to each of the wanted rows."""
    if sum(rows.depths[row] for row in wanted) > len(rows):
        return _paths_on_the_way(rows, wanted)
    found = {}
    for row in wanted:
        trail = []
        above = row
        while above >= 0:
            trail.append(_operation(rows, above))
            above = rows.parents[above]
        found[row] = shortened(trail[::-1])
    return found


def _paths_on_the_way(rows: SpanRows, wanted: AbstractSet[int]) -> dict[int, tuple[str, ...]]:
    """Return the same in one pass over all rows, for many deep ones."""
    found = {}
    trail: list[str] = []
    for row in range(max(wanted, default=-1) + 1):
        del trail[rows.depths[row] :]
        trail.append(_operation(rows, row))
        if row in wanted:
            found[row] = shortened(trail)
    return found


def _operation(rows: SpanRows, row: int) -> str:
    number = rows.span(row)
    return MISSING_PARENT if number is None else rows.spans.names[number][1]


def shortened(trail: Sequence[str]) -> tuple[str, ...]:
    """Leave out the middle of a path of more than LONGEST_PATH operations."""
    if len(trail) <= LONGEST_PATH:
        return tuple(trail)
    half = LONGEST_PATH // 2
    return (*trail[:half], "…", *trail[-half:])


def _warnings(spans: Spans, family: Family, clocks: Clocks, roots: int) -> Iterator[str]:
    yield from _alike(list(chain.from_iterable(spans.warnings.values())))
    if family.missing:
        orphans = np.count_nonzero(np.asarray(family.parents) >= len(spans))
        yield f"spans whose parent is missing: {orphans} (parents {_some(family.missing)})"
    if roots > 1:
        yield f"{roots} spans claim to be the root"
    if beside := [span_id for span_id in family.shared if span_id not in family.joined]:
        yield f"span IDs that several spans share: {_some(beside)}"
    if spans.copies:
        again = "1 span was" if spans.copies == 1 else f"{spans.copies:,} spans were"
        yield f"{again} delivered more than once and counted once"
    if family.circles:
        ids = [spans.ids[number] for number in family.circles]
        yield f"spans whose parents form a cycle, shown as roots: {_some(ids)}"
    if spans.endless:
        ids = [spans.ids[number] for number in sorted(spans.endless)]
        yield f"spans without an end time, shown as if they took no time: {_some(ids)}"
    if spans.untimed:
        ids = [spans.ids[number] for number in sorted(spans.untimed)]
        yield f"spans without a usable start time, shown where their parent starts: {_some(ids)}"
    start, end = _start_and_end(spans)
    if len(spans) > 1 and start == end:
        yield "the whole trace takes no time: all spans start and end in the same nanosecond"
    yield from clocks.sentences


def _alike(sentences: Sequence[str]) -> Iterator[str]:
    """Yield the first of the sentences that differ only in numbers, and count the others."""
    groups: dict[str, list[str]] = {}
    for sentence in sentences:
        groups.setdefault(_NUMBERS.sub("0", sentence), []).append(sentence)
    for first, *others in groups.values():
        if not others:
            yield first
        elif all(each == first for each in others):
            yield f"{first} ({len(others) + 1:,} times)"
        else:
            yield f"{first} (and {len(others):,} more like it)"


def _some(ids: Sequence[str]) -> str:
    rest = f" and {len(ids) - 3} more" if len(ids) > 3 else ""
    return ", ".join(ids[:3]) + rest
