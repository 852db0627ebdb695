"""One trace as people read it: spans in tree order, the errors first, what is missing."""

from dataclasses import dataclass

from ops.traces.spans import Span


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
    """A failing span: its row's index, the message, and the operations from the root to it."""

    row: int
    service: str
    operation: str
    message: str
    path: tuple[str, ...]

    @property
    def sentence(self) -> str:
        """`store.Query: deadline exceeded`."""
        return f"{self.operation}: {self.message}" if self.message else f"{self.operation} failed"


@dataclass(frozen=True, slots=True)
class Trace:
    """A whole trace. Times are Unix nanoseconds, durations nanoseconds.

    `operations` are distinct names by first start, `tags` the distinct attribute keys of all
    spans, sorted, `errors` deepest first (then by start), `warnings` distinct sentences about
    the whole (clock skew, truncation, missing parents, duplicate ids, cycles). `jaeger_url`
    is "" when the site names no UI.
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
    jaeger_url: str
