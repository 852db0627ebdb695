"""How large a service's traces are, from the latest of them."""

from dataclasses import dataclass

from ops.backends.jaeger.latest import latest
from ops.backends.jaeger.query_service import QueryService
from ops.backends.jaeger.span_match import SpanMatch
from ops.backends.jaeger.summarizer import Summarizer
from ops.backends.trace_search.search import TraceSearch, Window
from ops.vocabulary.summaries import TraceSummary


@dataclass(frozen=True, slots=True)
class MeasuredTraces:
    """Traces with a span of one service, and their size in OTLP, in bytes, together."""

    traces: tuple[TraceSummary, ...] = ()
    size: int = 0


async def measure(
    server: QueryService, service: str, start: int, end: int, most: int
) -> MeasuredTraces:
    """Read up to `most` of a service's traces; times are Unix nanoseconds."""
    search = TraceSearch(start, end, most, service)
    window = Window(start, end, most)
    summarizer = Summarizer(search, window, SpanMatch(service, "", (), 0, 0), tested_here=False)
    size = await latest(server, search, summarizer.add, summarizer.add_parsed)
    found = tuple(each.trace for each in summarizer.matches().traces)
    return MeasuredTraces(found, size)
