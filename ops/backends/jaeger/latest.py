"""Read some of a service's latest traces, not more than a few megabytes of them."""

import asyncio
from collections.abc import Callable

from opentelemetry.proto.trace.v1.trace_pb2 import TracesData

from ops.backends.jaeger.api_v2 import convert
from ops.backends.jaeger.queries import query
from ops.backends.jaeger.query_service import MUCH_TO_READ, V2, V3, Api, QueryService
from ops.backends.trace_search.search import TraceSearch, Window
from proto.jaeger.api_v3 import query_pb2 as v3

ENOUGH = 8 * 1024 * 1024  # bytes, after which no more traces are read


async def latest(
    server: QueryService,
    search: TraceSearch,
    add: Callable[[bytes], None],
    add_parsed: Callable[[TracesData], None],
    enough: int = ENOUGH,
) -> int:
    """Call `add` with the messages that answer a search, and return their size in bytes.

    Small messages are put together, so that reading them takes a thread some times instead of
    the event loop each time. An old Jaeger's are converted, and given to `add_parsed`. After
    `enough` bytes no more are read.
    """
    window = Window(search.start, search.end, search.limit)
    request = v3.FindTracesRequest(query=query(search, window, (), "exact"))
    size = 0

    async def new() -> None:
        nonlocal size
        waiting = b""
        with server.stream(V3, "FindTraces", request) as messages:
            async for message in messages:
                size += len(message)
                # Repeated fields are written one after the other, so that two messages are one.
                waiting += message
                if len(waiting) > MUCH_TO_READ:
                    await asyncio.to_thread(add, waiting)
                    waiting = b""
                if size > enough:
                    break
        if waiting:
            add(waiting)

    async def old() -> None:
        nonlocal size
        with server.stream(V2, "FindTraces", request) as chunks:
            async for chunk in chunks:
                spans = convert([chunk])
                size += spans.ByteSize()
                add_parsed(spans)
                if size > enough:
                    break

    await server.best(old, {Api.V3: new})
    return size
