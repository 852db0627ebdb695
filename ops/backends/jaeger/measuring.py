"""How large a service's traces are, from the latest of them."""

from dataclasses import dataclass

from ops.backends.jaeger.api_v2 import convert
from ops.backends.jaeger.queries import query
from ops.backends.jaeger.query_service import MUCH_TO_READ, V2, V3, Api, QueryService, off_loop
from ops.backends.jaeger.span_match import SpanMatch
from ops.backends.jaeger.summarizer import Summarizer
from ops.backends.trace_search.search import TraceSearch, Window
from ops.vocabulary.summaries import TraceSummary
from proto.jaeger.api_v3 import query_pb2 as v3

ENOUGH = 8 * 1024 * 1024  # bytes, after which no more traces are read


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
    request = v3.FindTracesRequest(query=query(search, window, (), "exact"))
    size = 0

    async def new() -> None:
        nonlocal size
        with server.stream(V3, "FindTraces", request) as messages:
            async for message in messages:
                size += len(message)
                await off_loop(len(message) > MUCH_TO_READ, summarizer.add, message)
                if size > ENOUGH:
                    break

    async def old() -> None:
        nonlocal size
        with server.stream(V2, "FindTraces", request) as chunks:
            async for chunk in chunks:
                spans = convert([chunk])
                size += spans.ByteSize()
                summarizer.add_parsed(spans)
                if size > ENOUGH:
                    break

    await server.best(old, {Api.V3: new})
    found = tuple(each.trace for each in summarizer.matches().traces)
    return MeasuredTraces(found, size)
