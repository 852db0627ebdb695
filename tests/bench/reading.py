"""How long OpsPortal takes to read a trace, compared with Jaeger alone.

The yardstick is a bare gRPC client that asks Jaeger for the same trace and parses nothing, in
the same run: on a slow day both are slow. Each trace is new to the server when it is requested.
"""

import asyncio
import statistics
import time
from collections.abc import Awaitable, Callable

import grpc.aio
import httpx

from proto.jaeger.api_v3.query_pb2 import GetTraceRequest
from proto.ops.ops_pb2 import ShowTraceReq
from proto.ops.ops_pb2_grpc import OpsStub
from tests.live import portals, servers
from tests.live.large import large_trace, send

WRITTEN = 1.0  # seconds after a trace was sent
HOUR = 3600 * 10**9
SIZES = {10_000: 7, 100_000: 3}  # spans, roughly, and how many such traces
AIM = 2.0
UNLIMITED = [("grpc.max_receive_message_length", -1)]
GET_TRACE = "/jaeger.api_v3.QueryService/GetTrace"

HEAD = """
One trace, read cold, compared with the time in which Jaeger sends it to a bare gRPC client that
parses nothing: medians of the same run, and how many times as long OpsPortal takes.

| what | Jaeger alone | OpsPortal | times | aim |
|---|--:|--:|--:|--:|"""


async def measure(
    jaeger: servers.Jaeger, portal: portals.Portal, token: str, cookies: dict[str, str]
) -> list[str]:
    """Return the lines of the page."""
    lines = [HEAD]
    async with (
        grpc.aio.insecure_channel(jaeger.query, options=UNLIMITED) as direct,
        grpc.aio.insecure_channel(portal.grpc, options=UNLIMITED) as ours,
        httpx.AsyncClient(base_url=f"http://{portal.web}", cookies=cookies, timeout=60) as web,
    ):
        stub, metadata = OpsStub(ours), [("authorization", f"Bearer {token}")]

        async def bare(trace_id: str) -> int:
            request = GetTraceRequest(trace_id=trace_id, raw_traces=True).SerializeToString()
            call: grpc.aio.UnaryStreamMultiCallable[bytes, bytes] = direct.unary_stream(GET_TRACE)
            return sum([len(message) async for message in call(request)])

        async def show_trace(trace_id: str) -> None:
            assert (await stub.ShowTrace(ShowTraceReq(id=trace_id), metadata=metadata)).tags

        async def page(trace_id: str) -> None:
            assert (await web.get(f"/traces/{trace_id}/")).is_success

        number = 0
        for count, times in SIZES.items():
            for name, read in (("`ShowTrace`", show_trace), ("the page", page)):
                found = []
                for _ in range(times):
                    number += 1
                    trace_id, batches = large_trace(count + number, time.time_ns() - HOUR)
                    await send(jaeger.otlp, batches)
                    await _arrived(bare, trace_id, sum(batch.ByteSize() for batch in batches))
                    found.append([await _took(each, trace_id) for each in (bare, read, bare)])
                lines.append(_row(f"{count:,} spans, {name}", found))
    return lines


async def _arrived(bare: Callable[[str], Awaitable[int]], trace_id: str, least: int) -> None:
    """Wait until Jaeger has the whole trace, by reading it: the first read is slower.

    Its memory storage may fail if it is asked for a trace that it is still writing.
    """
    await asyncio.sleep(WRITTEN)
    await servers.eventually(lambda: bare(trace_id), lambda size: size >= least)


async def _took(read: Callable[[str], Awaitable[object]], trace_id: str) -> float:
    began = time.perf_counter()
    await read(trace_id)
    return (time.perf_counter() - began) * 1000


def _row(what: str, found: list[list[float]]) -> str:
    alone = statistics.median(took for before, _, after in found for took in (before, after))
    ours = statistics.median(took for _, took, _ in found)
    line = f"| {what} | {alone:,.0f} ms | {ours:,.0f} ms | {ours / alone:.1f} | {AIM:g} |"
    print(line, flush=True)
    return line
