"""What people do with traces."""

from dataclasses import dataclass

from ops.actor import Actor
from ops.filters import TraceQuery
from ops.guard import action
from ops.traces.spans import Attributes
from ops.traces.summaries import TraceSummary
from ops.traces.tree import Trace

READ = "traces.view_traces"


@dataclass(frozen=True, slots=True)
class TraceList:
    """The traces that a query found, newest first, ties by id.

    `query` is the query with site and service filled in and its range absolute. `fetched` is
    how many traces the backend returned; it is more than `len(traces)` when part of the
    filtering was ours. `more` means that the limit cut the list: `older` then asks for what
    comes before, else it is None.
    """

    query: TraceQuery
    start: int
    end: int
    traces: tuple[TraceSummary, ...]
    fetched: int
    more: bool
    older: TraceQuery | None


@dataclass(frozen=True, slots=True)
class LogLine:
    """One span event. `time` is Unix nanoseconds."""

    time: int
    service: str
    operation: str
    span_id: str
    name: str
    attributes: Attributes


@dataclass(frozen=True, slots=True)
class TraceLogs:
    """Every span event of a trace, in time order."""

    site: str
    trace_id: str
    start: int
    service: str
    operation: str
    lines: tuple[LogLine, ...]
    jaeger_url: str


@action("traces.services", permission=READ)
async def services(actor: Actor, *, site: str = "") -> tuple[str, ...]:
    """Return the names of the services that Jaeger knows, sorted."""
    raise NotImplementedError


@action("traces.operations", permission=READ)
async def operations(actor: Actor, *, service: str, site: str = "") -> tuple[str, ...]:
    """Return the distinct operation names of a service, sorted."""
    raise NotImplementedError


@action("traces.list_traces", permission=READ)
async def list_traces(actor: Actor, *, query: TraceQuery, explain: int = 0) -> TraceList:
    """Search. For the first `explain` failing traces the error's sentence is looked up too."""
    raise NotImplementedError


@action("traces.show_trace", permission=READ)
async def show_trace(actor: Actor, *, trace_id: str, site: str = "") -> Trace:
    """Return one trace by its id, 1 to 32 hex digits in any case.

    Without a site all sites are asked at once. Raises NotFound.
    """
    raise NotImplementedError


@action("traces.show_logs", permission=READ)
async def show_logs(actor: Actor, *, trace_id: str, site: str = "") -> TraceLogs:
    """Return every event of a trace. Raises NotFound."""
    raise NotImplementedError
