"""One trace as people read it: spans in tree order, the errors first, what is missing."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import chain

from ops.traces.spans import Span, failure, what_failed
from ops.traces.timing import Times, Timing, where_time_went

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
    `operations` are distinct names by first start, `tags` the distinct attribute keys of all
    spans, sorted, `errors` deepest first (then by start), `warnings` distinct sentences about
    the whole (clock skew, truncation, missing parents, duplicate ids, cycles). `timing` counts
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
    tags: tuple[str, ...]
    errors: tuple[SpanError, ...]
    warnings: tuple[str, ...]
    rows: tuple[Row, ...]
    span_count: int
    missing_parents: int
    timing: Timing
    jaeger_url: str


def build_trace(site: str, trace_id: str, spans: Sequence[Span], jaeger_url: str = "") -> Trace:
    """Put the spans of a trace, in any order, into a tree; there must be at least one.

    A parent that is missing gets a row of its own. Where parents form a circle, the earliest
    span of it becomes a root. Spans that share an id are all kept; children go to the earliest.
    """
    ordered = sorted(spans, key=lambda span: (span.start, span.span_id))
    parents, missing = _parents(ordered)
    circles = _break_circles(parents)
    rows = _rows(ordered, parents, missing)
    root = root_of(ordered)
    return Trace(
        site=site,
        trace_id=trace_id,
        start=ordered[0].start,
        duration=max(span.end for span in ordered) - ordered[0].start,
        service=root.service if root else "",
        operation=root.operation if root else "",
        services=tuple(dict.fromkeys(span.service for span in ordered)),
        operations=tuple(dict.fromkeys(span.operation for span in ordered)),
        tags=tuple(sorted(set(chain.from_iterable(span.attributes for span in ordered)))),
        errors=_errors(rows),
        warnings=_warnings(ordered, parents, missing, circles),
        rows=rows,
        span_count=len(ordered),
        missing_parents=len(missing),
        timing=_timing(rows),
        jaeger_url=jaeger_url,
    )


def root_of(spans: Iterable[Span]) -> Span | None:
    """Return the earliest span that says it has no parent, None when it is missing."""
    roots = (span for span in spans if not span.parent_id)
    return min(roots, key=lambda span: (span.start, span.span_id), default=None)


def _parents(spans: Sequence[Span]) -> tuple[list[int], list[str]]:
    """Return the position of each span's parent, -1 for a root, and the missing parents' ids.

    The missing parents count as further roots, in positions after all spans.
    """
    positions: dict[str, int] = {}
    for position, span in enumerate(spans):
        positions.setdefault(span.span_id, position)
    missing: dict[str, int] = {}
    parents = []
    for span in spans:
        parent = positions.get(span.parent_id, -1) if span.parent_id else -1
        if span.parent_id and parent < 0:
            parent = missing.setdefault(span.parent_id, len(spans) + len(missing))
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


def _rows(spans: Sequence[Span], parents: list[int], missing: list[str]) -> tuple[Row, ...]:
    first, following, counts = _families(len(spans), parents)
    rows: list[Row] = []
    places = [-1] * len(parents)
    waiting = [first[-1]]
    while waiting:
        position = waiting.pop()
        places[position] = len(rows)
        above = places[parents[position]] if parents[position] >= 0 else -1
        depth = rows[above].depth + 1 if above >= 0 else 0
        if position < len(spans):
            rows.append(Row(spans[position], depth, above, counts[position]))
        else:
            rows.append(Row(None, depth, above, counts[position], missing[position - len(spans)]))
        waiting += [next_ for next_ in (following[position], first[position]) if next_ >= 0]
    return tuple(rows)


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


def _timing(rows: Sequence[Row]) -> Timing:
    """A missing parent lasts as long as the children that are left of it."""
    spans = [row.span for row in rows]
    starts = [span.start if span else 2**63 for span in spans]
    ends = [span.end if span else 0 for span in spans]
    for row, start, end in zip(rows, starts, ends, strict=True):
        if row.parent >= 0 and spans[row.parent] is None:
            starts[row.parent] = min(starts[row.parent], start)
            ends[row.parent] = max(ends[row.parent], end)
    names = [(span.service, span.operation) if span else None for span in spans]
    return where_time_went(Times.of(starts, ends, [row.parent for row in rows]), names)


def _errors(rows: Sequence[Row]) -> tuple[SpanError, ...]:
    found: list[tuple[int, int, SpanError]] = []
    trail: list[str] = []
    for index, row in enumerate(rows):
        span = row.span
        del trail[row.depth :]
        trail.append(span.operation if span else MISSING_PARENT)
        if span and span.error:
            error = SpanError(index, span.service, span.operation, what_failed(span), _path(trail))
            found.append((-row.depth, span.start, error))
    found.sort(key=lambda item: item[:2])
    return tuple(error for _, _, error in found)


def _path(trail: list[str]) -> tuple[str, ...]:
    if len(trail) <= LONGEST_PATH:
        return tuple(trail)
    half = LONGEST_PATH // 2
    return (*trail[:half], "…", *trail[-half:])


def _warnings(
    spans: Sequence[Span], parents: list[int], missing: list[str], circles: list[int]
) -> tuple[str, ...]:
    found = list(dict.fromkeys(chain.from_iterable(span.warnings for span in spans)))
    if missing:
        orphans = sum(parent >= len(spans) for parent in parents)
        found.append(f"spans whose parent is missing: {orphans} (parents {_some(missing)})")
    times = Counter(span.span_id for span in spans)
    if twice := [span_id for span_id, count in times.items() if count > 1]:
        found.append(f"span ids that several spans share: {_some(twice)}")
    if circles:
        ids = [spans[position].span_id for position in circles]
        found.append(f"spans whose parents form a circle, shown as roots: {_some(ids)}")
    return tuple(found)


def _some(ids: Sequence[str]) -> str:
    rest = f" and {len(ids) - 3} more" if len(ids) > 3 else ""
    return ", ".join(ids[:3]) + rest
