"""One trace as people read it: spans in tree order, errors, what is missing."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from ops.once import Once
from ops.traces.clocks import Clocks, aligned, compare_clocks
from ops.traces.failures import SpanError, errors_of
from ops.traces.links import SpanLink, links_of
from ops.traces.missing_times import placed
from ops.traces.rows import SpanRows, rows_of
from ops.traces.timing import Timing, where_time_went
from ops.traces.tree import SpanTree, tree_of
from ops.traces.warnings import warnings_of
from ops.vocabulary.columns import counted
from ops.vocabulary.spans import Process, Spans


@dataclass(frozen=True, slots=True)
class Ran:
    """A process that ran spans of a trace, and how many."""

    process: Process
    spans: int


@dataclass(frozen=True, slots=True)
class Trace:
    """A whole trace. Times are Unix nanoseconds, durations nanoseconds.

    `service` and `operation` are the root span's, "" if it is missing; `has_failed` means that
    the root span failed. `services` and `operations` are distinct names by first start, `errors`
    the deepest first (then by start), at most failures.MOST_ERRORS of `error_count`, `warnings`
    distinct sentences about the whole (clock skew, truncation, missing parents, several roots,
    duplicate IDs, cycles). `ran` says where it ran, in the order of the services. `clocks`
    compares the clocks before any are moved; `aligned` means that they were, see `align`.
    `jaeger_url` is "" if the site has no UI. `links` are those of its spans, at most links.MOST;
    `linked_from` the known links to its spans, see ops.traces.links.
    """

    site: str
    trace_id: str
    start: int
    duration: int
    service: str
    operation: str
    has_failed: bool
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
    tree: SpanTree
    clocks: Clocks
    links: tuple[SpanLink, ...]
    linked_from: tuple[SpanLink, ...] = ()
    aligned: bool = False
    _timing: Once[Timing] = field(default_factory=Once, repr=False, compare=False)

    @property
    def spans(self) -> Spans:
        """Its spans, numbered by start."""
        return self.rows.spans

    @property
    def as_of(self) -> int:
        """When it was requested from the backend, Unix nanoseconds."""
        return self.spans.as_of

    @property
    def event_count(self) -> int:
        """How many events (log lines) all spans have."""
        return self.spans.event_count

    @property
    def delivered_count(self) -> int:
        """How many spans the backend delivered, duplicates included."""
        return self.span_count + self.spans.copies

    @property
    def timing(self) -> Timing:
        """Where its time went, in rows; slow on first access."""
        return self._timing.get(lambda: where_time_went(self.rows.times(), self.rows.names()))

    def moved(self, row: int) -> int:
        """Return the nanoseconds that aligning the clocks added to the times of a row's span."""
        return self.clocks.moves.get(self.rows.numbers[row], 0) if self.aligned else 0

    def tags(self) -> list[str]:
        """Return the distinct tag keys of all spans, sorted.

        As in Jaeger's api_v2, they are the attributes and what it derives from kind, status,
        scope and trace state. A process's tags do not belong to the span.
        """
        return sorted(self.spans.store.tag_keys())

    def rows_with(self, text: str) -> tuple[int, ...]:
        """Return the rows whose spans contain a text, or `key=value`, anywhere."""
        found = set(self.spans.store.find(text))
        if text in ("error", "error=true"):
            found |= self.spans.failing
        return tuple(self.rows.among(found))


def build_trace(site: str, trace_id: str, spans: Spans, jaeger_url: str = "") -> Trace:
    """Arrange the spans of a trace as a tree; there must be at least one.

    Every span has a row, whatever the IDs are, see ops.traces.tree. A missing parent gets a
    row of its own. If parents form a cycle, its earliest span becomes a root.
    """
    tree = tree_of(spans)
    spans = placed(spans, tree)
    rows = rows_of(spans, tree)
    clocks = compare_clocks(spans, tree, rows.numbers, rows.parents)
    return _assembled(site, trace_id, rows, tree, clocks, jaeger_url)


def align(trace: Trace) -> Trace:
    """Move those clocks of a trace that differ, see ops.traces.clocks."""
    rows = rows_of(aligned(trace.spans, trace.clocks), trace.tree)
    moved = _assembled(trace.site, trace.trace_id, rows, trace.tree, trace.clocks, trace.jaeger_url)
    return replace(moved, aligned=True)


def _assembled(
    site: str, trace_id: str, rows: SpanRows, tree: SpanTree, clocks: Clocks, jaeger_url: str
) -> Trace:
    spans = rows.spans
    root = min(tree.roots, key=spans.starts.__getitem__, default=None)
    service, operation = spans.names[root] if root is not None else ("", "")
    names = spans.names.distinct()
    services = tuple(dict.fromkeys(service for service, _ in names))
    return Trace(
        site=site,
        trace_id=trace_id,
        start=spans.start,
        duration=spans.end - spans.start,
        service=service,
        operation=operation,
        has_failed=root in spans.failing,
        services=services,
        operations=tuple(dict.fromkeys(operation for _, operation in names)),
        ran=_ran(spans, services),
        errors=errors_of(rows),
        error_count=len(spans.failing),
        warnings=tuple(warnings_of(spans, tree, clocks)),
        rows=rows,
        span_count=len(spans),
        missing_parents=len(tree.missing),
        jaeger_url=jaeger_url,
        tree=tree,
        clocks=clocks,
        links=links_of(spans),
    )


def _ran(spans: Spans, services: Sequence[str]) -> tuple[Ran, ...]:
    """Return the processes and their span counts; equal processes are merged."""
    counts = Counter[Process]()
    for number, count in counted(spans.ran_by):
        counts[spans.processes[number]] += count
    places = {service: place for place, service in enumerate(services)}
    order = sorted(counts, key=lambda each: (places[each.service], -counts[each], each.instance))
    return tuple(Ran(process, counts[process]) for process in order)
