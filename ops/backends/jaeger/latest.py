"""Read some of a service's latest traces, not more than a few megabytes of them."""

from collections.abc import Callable

from opentelemetry.proto.trace.v1.trace_pb2 import TracesData

from ops.backends.jaeger.api_v2 import convert
from ops.backends.jaeger.queries import query
from ops.backends.jaeger.query_service import MUCH_TO_READ, V2, V3, Api, QueryService, off_loop
from ops.backends.trace_search.search import TraceSearch, Window
from proto.jaeger.api_v3 import query_pb2 as v3

ENOUGH = 8 * 1024 * 1024  # bytes, after which no more traces are read


async def latest(
    server: QueryService,
    search: TraceSearch,
    add: Callable[[bytes], None],
    add_parsed: Callable[[TracesData], None],
) -> int:
    """Call `add` with each message that answers a search, and return their size in bytes.

    An old Jaeger's messages are converted, and given to `add_parsed`.
    """
    window = Window(search.start, search.end, search.limit)
    request = v3.FindTracesRequest(query=query(search, window, (), "exact"))
    size = 0

    async def new() -> None:
        nonlocal size
        with server.stream(V3, "FindTraces", request) as messages:
            async for message in messages:
                size += len(message)
                await off_loop(len(message) > MUCH_TO_READ, add, message)
                if size > ENOUGH:
                    break

    async def old() -> None:
        nonlocal size
        with server.stream(V2, "FindTraces", request) as chunks:
            async for chunk in chunks:
                spans = convert([chunk])
                size += spans.ByteSize()
                add_parsed(spans)
                if size > ENOUGH:
                    break

    await server.best(old, {Api.V3: new})
    return size
