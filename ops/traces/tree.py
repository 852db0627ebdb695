"""One trace as people read it: spans in tree order, the errors first, what is missing."""

from array import array
from collections import Counter
from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from itertools import chain
from typing import overload

from ops import timerange
from ops.traces.spans import Span, Spans, failure, what_failed
from ops.traces.timing import Times, Timing, where_time_went

MOST_ERRORS = 1_000
LONGEST_PATH = 40
MISSING_PARENT = "missing parent"


@dataclass(frozen=True, slots=True)
class Row:
    """A line of the waterfall, in depth-first order (children by start, then span id).

    `depth` is 0 for a root, `parent` the index of the parent's row or -1, `children` how many
    rows have this one as their parent. A row whose `span` is None stands for a parent that
    is missing from the trace: `missing_id` is its span id, its children are the orphans.
    """

    span: Span | None
    depth: int
    parent: int
    children: int
    missing_id: str = ""


@dataclass(frozen=True, slots=True)
class Rows(Sequence[Row]):
    """The lines of a waterfall as columns, and each one as a Row.

    `numbers` are those of the spans; a missing parent has one from `len(spans)` on. `parents`
    are rows, -1 for none.
    """

    spans: Spans
    numbers: Sequence[int]
    parents: Sequence[int]
    depths: Sequence[int]
    children: Sequence[int]
    missing: Sequence[str]

    def __len__(self) -> int:
        return len(self.numbers)

    @overload
    def __getitem__(self, index: int) -> Row: ...
    @overload
    def __getitem__(self, index: slice) -> list[Row]: ...
    def __getitem__(self, index: int | slice) -> Row | list[Row]:
        if isinstance(index, slice):
            return [self[each] for each in range(*index.indices(len(self)))]
        span = self.span(index)
        return Row(
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
        """Return the span id, of a missing parent too."""
        number, count = self.numbers[row], len(self.spans)
        return self.spans.ids[number] if number < count else self.missing[number - count]

    def of_id(self, span_id: str) -> int | None:
        """Return the first row with a span id, None where there is none."""
        ids = {number for number, each in enumerate(self.spans.ids) if each == span_id}
        ids |= {len(self.spans) + n for n, each in enumerate(self.missing) if each == span_id}
        return next((row for row, number in enumerate(self.numbers) if number in ids), None)


@dataclass(frozen=True, slots=True)
class SpanError:
    """A failing span: its row's index, the message, and the operations from the root to it.

    The middle of a path of more than LONGEST_PATH operations is left out, marked by "…".
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
class Trace:
    """A whole trace. Times are Unix nanoseconds, durations nanoseconds.

    `service` and `operation` are the root span's, "" when it is missing. `services` and
    `operations` are distinct names by first start, `errors` the deepest first (then by start),
    at most MOST_ERRORS of `error_count`, `warnings` distinct sentences about the whole (clock
    skew, truncation, missing parents, several roots, duplicate ids, cycles). `timing` counts
    in rows. `jaeger_url` is "" when the site names no UI.
    """

    site: str
    trace_id: str
    start: int
    duration: int
    service: str
    operation: str
    services: tuple[str, ...]
    operations: tuple[str, ...]
    errors: tuple[SpanError, ...]
    error_count: int
    warnings: tuple[str, ...]
    rows: Rows
    span_count: int
    missing_parents: int
    timing: Timing
    jaeger_url: str

    def tags(self) -> list[str]:
        """Return the distinct tag keys of all spans, sorted; slow, it reads every span.

        They are those of Jaeger's api_v2: the attributes, and what it derives from kind, status,
        scope and trace state. A process's tags are not the span's.
        """
        return sorted(self.rows.spans.store.tag_keys())


def build_trace(site: str, trace_id: str, spans: Spans, jaeger_url: str = "") -> Trace:
    """Put the spans of a trace into a tree; there must be at least one.

    A parent that is missing gets a row of its own. Where parents form a circle, the earliest
    span of it becomes a root. Spans that share an id are all kept; children go to the earliest.
    """
    parents, missing = _parents(spans)
    circles = _break_circles(parents)
    rows = _rows(spans, parents, missing)
    service, operation = spans.names[spans.root] if spans.root is not None else ("", "")
    return Trace(
        site=site,
        trace_id=trace_id,
        start=spans.starts[0],
        duration=max(spans.ends) - spans.starts[0],
        service=service,
        operation=operation,
        services=tuple(dict.fromkeys(service for service, _ in spans.names)),
        operations=tuple(dict.fromkeys(operation for _, operation in spans.names)),
        errors=_errors(rows),
        error_count=len(spans.failing),
        warnings=_warnings(spans, parents, missing, circles),
        rows=rows,
        span_count=len(spans),
        missing_parents=len(missing),
        timing=where_time_went(times_of(rows), names_of(rows)),
        jaeger_url=jaeger_url,
    )


def rows_with(trace: Trace, text: str) -> tuple[int, ...]:
    """Return the rows whose spans have a text, or `key=value`, in what they carry."""
    spans = trace.rows.spans
    found = set(spans.store.find(text))
    if text in ("error", "error=true"):
        found |= spans.failing
    return tuple(row for row, number in enumerate(trace.rows.numbers) if number in found)


def _parents(spans: Spans) -> tuple[list[int], list[str]]:
    """Return the number of each span's parent, -1 for a root, and the missing parents' ids.

    The missing parents count as further roots, in numbers after all spans.
    """
    numbers: dict[str, int] = {}
    for number, span_id in enumerate(spans.ids):
        numbers.setdefault(span_id, number)
    missing: dict[str, int] = {}
    parents = []
    for parent_id in spans.parent_ids:
        parent = numbers.get(parent_id, -1) if parent_id else -1
        if parent_id and parent < 0:
            parent = missing.setdefault(parent_id, len(spans) + len(missing))
        parents.append(parent)
    return parents + [-1] * len(missing), list(missing)


def _break_circles(parents: list[int]) -> list[int]:
    """Make the earliest span of each circle a root, in place; return their positions."""
    walks = [-1] * len(parents)
    broken = []
    for start in range(len(parents)):
        position = start
        while position >= 0 and walks[position] < 0:
            walks[position] = start
            position = parents[position]
        if position < 0 or walks[position] != start:
            continue
        circle = [position]
        while (position := parents[position]) != circle[0]:
            circle.append(position)
        parents[min(circle)] = -1
        broken.append(min(circle))
    return broken


def _rows(spans: Spans, parents: list[int], missing: list[str]) -> Rows:
    first, following, counts = _families(len(spans), parents)
    numbers, above, depths = array("L"), array("l"), array("L")
    places = [-1] * len(parents)
    waiting = [first[-1]]
    while waiting:
        number = waiting.pop()
        parent = places[parents[number]] if parents[number] >= 0 else -1
        places[number] = len(numbers)
        numbers.append(number)
        above.append(parent)
        depths.append(depths[parent] + 1 if parent >= 0 else 0)
        waiting += [next_ for next_ in (following[number], first[number]) if next_ >= 0]
    children = array("L", (counts[number] for number in numbers))
    return Rows(spans, numbers, above, depths, children, missing)


def _families(span_count: int, parents: list[int]) -> tuple[list[int], list[int], list[int]]:
    """Return the first child, the next sibling and the number of children of each position.

    -1 means none. A root's parent, -1, is the last place: `first[-1]` is the first root. A
    missing parent stands where its first child would. Numbers instead of lists of children
    keep a large trace from making as many more objects for the collector to visit.
    """
    counts = [0] * (len(parents) + 1)
    order = []
    for position, parent in enumerate(parents[:span_count]):
        if parent >= span_count and not counts[parent]:
            order.append(parent)
        order.append(position)
        counts[parent] += 1
    first = [-1] * len(counts)
    following = [-1] * len(counts)
    for position in reversed(order):
        following[position] = first[parents[position]]
        first[parents[position]] = position
    return first, following, counts


def times_of(rows: Rows) -> Times:
    """Return when each row ran; a missing parent, as long as the children that are left of it."""
    spans, count = rows.spans, len(rows.spans)
    starts = [spans.starts[number] if number < count else 2**63 for number in rows.numbers]
    ends = [spans.ends[number] if number < count else 0 for number in rows.numbers]
    for row, parent in enumerate(rows.parents if rows.missing else ()):
        if parent >= 0 and rows.numbers[parent] >= count:
            starts[parent] = min(starts[parent], starts[row])
            ends[parent] = max(ends[parent], ends[row])
    return Times.of(starts, ends, rows.parents)


def names_of(rows: Rows) -> list[tuple[str, str] | None]:
    """Return each row's service and operation, None for a missing parent."""
    spans, count = rows.spans, len(rows.spans)
    return [spans.names[number] if number < count else None for number in rows.numbers]


def _errors(rows: Rows) -> tuple[SpanError, ...]:
    failing = [row for row, number in enumerate(rows.numbers) if number in rows.spans.failing]
    failing.sort(key=lambda row: (-rows.depths[row], rows.numbers[row]))
    paths = _paths(rows, set(failing[:MOST_ERRORS]))
    return tuple(_error(rows, row, paths[row]) for row in failing[:MOST_ERRORS])


def _error(rows: Rows, row: int, path: tuple[str, ...]) -> SpanError:
    number = rows.numbers[row]
    service, operation = rows.spans.names[number]
    return SpanError(row, service, operation, what_failed(rows.spans.store[number]), path)


def _paths(rows: Rows, wanted: AbstractSet[int]) -> dict[int, tuple[str, ...]]:
    """Return the operations from the root to each of the rows that are wanted."""
    found = {}
    trail: list[str] = []
    for row in range(max(wanted, default=-1) + 1):
        del trail[rows.depths[row] :]
        number = rows.span(row)
        trail.append(MISSING_PARENT if number is None else rows.spans.names[number][1])
        if row in wanted:
            found[row] = shortened(trail)
    return found


def shortened(trail: Sequence[str]) -> tuple[str, ...]:
    """Leave out the middle of more than LONGEST_PATH operations."""
    if len(trail) <= LONGEST_PATH:
        return tuple(trail)
    half = LONGEST_PATH // 2
    return (*trail[:half], "…", *trail[-half:])


def _warnings(
    spans: Spans, parents: list[int], missing: list[str], circles: list[int]
) -> tuple[str, ...]:
    found = list(dict.fromkeys(chain.from_iterable(spans.warnings.values())))
    if missing:
        orphans = sum(parent >= len(spans) for parent in parents)
        found.append(f"spans whose parent is missing: {orphans} (parents {_some(missing)})")
    if (roots := spans.parent_ids.count("")) > 1:
        found.append(f"{roots} spans say that they are the root")
    if len(spans.ids) > len(set(spans.ids)):
        times = Counter(spans.ids)
        twice = [span_id for span_id, count in times.items() if count > 1]
        found.append(f"span ids that several spans share: {_some(twice)}")
    if circles:
        ids = [spans.ids[number] for number in circles]
        found.append(f"spans whose parents form a circle, shown as roots: {_some(ids)}")
    if spans.endless:
        ids = [spans.ids[number] for number in sorted(spans.endless)]
        found.append(f"spans without an end, shown as if they took no time: {_some(ids)}")
    if len(spans) > 1 and max(spans.ends) == spans.starts[0]:
        found.append("the whole trace takes no time: all spans begin and end in one nanosecond")
    return (*found, *_skew(spans, parents))


def _skew(spans: Spans, parents: list[int]) -> tuple[str, ...]:
    """Say that clocks differ: nothing begins before what started it."""
    early = [
        (spans.starts[parent] - start, number)
        for number, (start, parent) in enumerate(zip(spans.starts, parents, strict=False))
        if 0 <= parent < len(spans) and start < spans.starts[parent]
    ]
    if not early:
        return ()
    most, number = max(early)
    services = spans.names[parents[number]][0], spans.names[number][0]
    clocks = (
        f"the clocks of {services[0]} and {services[1]}" if len(set(services)) > 1 else "clocks"
    )
    return (
        f"spans that begin before their parent: {len(early)}, up to "
        f"{timerange.format_duration(most)} early: {clocks} differ",
    )


def _some(ids: Sequence[str]) -> str:
    rest = f" and {len(ids) - 3} more" if len(ids) > 3 else ""
    return ", ".join(ids[:3]) + rest
