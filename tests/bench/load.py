"""The load, in a separate process: reads the plan from standard input, writes figures.

The plan is what `tests.bench.calling` sends; the answer is `{"calls", "seconds", "latencies",
"failures", "smallest"}`, where only "calls" includes the warm-up. With 0 seconds there is no
warm-up: each caller calls once, all together.
"""

import asyncio
import json
import random
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from itertools import cycle
from math import ceil
from typing import Any

import grpc
import grpc.aio
import httpx
import uvloop
from google.protobuf.message import Message

from proto.jaeger.api_v3.query_pb2 import FindTracesRequest, TraceQueryParameters
from proto.ops import ops_pb2, ops_pb2_grpc

HOUR = 3600 * 10**9
SECOND = 10**9
LARGEST = 64 * 1024 * 1024
CALLERS = 50  # per connection: the server accepts 100 concurrent calls on each
SERVICE = "petstore"
FIND_TRACES = "/jaeger.api_v3.QueryService/FindTraces"
REFUSED = grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.RESOURCE_EXHAUSTED
DURATIONS = 100_000_000, 400_000_000  # nanoseconds between which a minimum is chosen
WINDOWS = 600 * SECOND  # within which the windows end
# What it is -> the method and the request.
COSTLY: dict[str, tuple[str, Callable[[], Message]]] = {
    "a matcher of 40 kB": (
        "Alerts",
        lambda: ops_pb2.AlertsReq(matchers=[f'severity=~"{"(pa|ge)" * 5_700}"']),
    ),
    "400,000 tags": (
        "ListTraces",
        lambda: ops_pb2.ListTracesReq(
            service=SERVICE, tags=[f"{number:x}=" for number in range(400_000)]
        ),
    ),
    "20,000 tags": (
        "ListTraces",
        lambda: ops_pb2.ListTracesReq(
            service=SERVICE, tags=[f"{number:x}=" for number in range(20_000)]
        ),
    ),
    "a name of 4 MB": (
        "ListTraces",
        lambda: ops_pb2.ListTracesReq(service="petstor" * 570_000),
    ),
    "a pattern of 950 times `a?`": (
        "Alerts",
        lambda: ops_pb2.AlertsReq(matchers=[f'severity=~"{"a?" * 950}"']),
    ),
}


@dataclass(frozen=True)
class _Asked:
    """A search; times in Unix nanoseconds, the shortest span in nanoseconds."""

    operation: str
    tags: dict[str, str]
    duration: int
    start: int
    end: int


@dataclass
class Figures:
    """`latencies` in seconds; `smallest` is the fewest items that an answer had."""

    latencies: list[float] = field(default_factory=list)
    failures: Counter[str] = field(default_factory=Counter)
    smallest: int | None = None


class Load:
    """Callers that share some channels; each calls again once it is answered."""

    def __init__(
        self, plan: dict[str, Any], channels: Sequence[grpc.aio.Channel], web: httpx.AsyncClient
    ) -> None:
        self.plan = plan
        self.web = web
        self.find_traces: grpc.aio.UnaryStreamMultiCallable[bytes, bytes]
        self.find_traces = channels[0].unary_stream(FIND_TRACES)
        self.stubs: cycle[ops_pb2_grpc.OpsAsyncStub] = cycle(map(ops_pb2_grpc.OpsStub, channels))
        self.metadata = (("authorization", f"Bearer {plan['token']}"),)
        self.calls = 0
        self.figures = Figures()

    @property
    def stub(self) -> "ops_pb2_grpc.OpsAsyncStub":
        """The stub of the next channel."""
        return next(self.stubs)

    async def run(self, seconds: float) -> float:
        """Call for `seconds`, or once each if 0; returns the seconds that it took."""
        self.figures = Figures()
        began = time.perf_counter()
        callers = [self._caller(began + seconds) for _ in range(self.plan["callers"])]
        await asyncio.gather(*callers)
        return time.perf_counter() - began

    async def _caller(self, until: float) -> None:
        while True:
            began = time.perf_counter()
            try:
                items = await getattr(self, self.plan["rpc"])()
            except grpc.aio.AioRpcError as error:
                self.figures.failures[f"{error.code().name}: {error.details()}"] += 1
            else:
                smallest = self.figures.smallest
                self.figures.smallest = items if smallest is None else min(smallest, items)
            self.calls += 1
            ended = time.perf_counter()
            self.figures.latencies.append(ended - began)
            if ended >= until:
                return
            if self.plan["pause"]:
                await asyncio.sleep(self.plan["pause"])

    async def list_traces(self) -> int:
        """Ask for the newest traces."""
        asked = self._asked()
        request = ops_pb2.ListTracesReq(
            service=SERVICE,
            operation=asked.operation,
            tags=[f"{key}={value}" for key, value in asked.tags.items()],
            start=asked.start,
            end=asked.end,
            duration_min=asked.duration,
            search_depth=self.plan["limit"],
        )
        return len((await self.stub.ListTraces(request, metadata=self.metadata)).traces)

    async def bare(self) -> int:
        """Ask Jaeger itself for any matching traces, and parse none; each is one message."""
        asked = self._asked()
        parameters = TraceQueryParameters(
            service_name=SERVICE,
            operation_name=asked.operation,
            attributes=asked.tags,
            search_depth=self.plan["limit"],
            raw_traces=True,
        )
        parameters.start_time_min.FromNanoseconds(asked.start)
        parameters.start_time_max.FromNanoseconds(asked.end)
        if asked.duration:
            parameters.duration_min.FromNanoseconds(asked.duration)
        request = FindTracesRequest(query=parameters).SerializeToString()
        messages = 0
        async for _ in self.find_traces(request):
            messages += 1
        return messages

    def _asked(self) -> "_Asked":
        """Return the query of one call; the plan sets in what queries differ."""
        filters = self.plan["filters"]
        operation, tags = filters.get("operation", ""), filters.get("tags", {})
        duration, end = filters.get("duration", 0), self.plan["end"]
        match self.plan["queries"]:
            case "same":  # like a client without options: up to now
                end = time.time_ns() + 5 * SECOND
            case "durations":
                duration = random.randrange(*DURATIONS)
            case "windows":
                end -= random.randrange(WINDOWS)
        return _Asked(operation, tags, duration, end - HOUR, end)

    async def healthz(self) -> int:
        """Ask whether the server is alive, which takes as long as its event loop is blocked."""
        (await self.web.get(f"http://{self.plan['health']}/healthz")).raise_for_status()
        return 0

    async def costly(self) -> int:
        """Send a request that is expensive to read, whether it is refused or answered."""
        method, request = COSTLY[self.plan["costly"]]
        try:
            await getattr(self.stub, method)(request(), metadata=self.metadata)
        except grpc.aio.AioRpcError as error:
            if error.code() not in REFUSED:
                raise
        return 0

    async def alerts(self) -> int:
        return len((await self.stub.Alerts(ops_pb2.AlertsReq(), metadata=self.metadata)).alerts)

    async def refused(self) -> int:
        """Pass token, user and permission; then the ID is invalid, before any backend is called."""
        try:
            await self.stub.ShowTrace(ops_pb2.ShowTraceReq(id="none"), metadata=self.metadata)
        except grpc.aio.AioRpcError as error:
            if error.code() is not grpc.StatusCode.INVALID_ARGUMENT:
                raise
        return 0


async def main() -> None:
    plan = json.load(sys.stdin)
    options = [
        ("grpc.max_receive_message_length", LARGEST),
        ("grpc.use_local_subchannel_pool", 1),  # otherwise all would share one connection
    ]
    async with AsyncExitStack() as stack:
        web = await stack.enter_async_context(httpx.AsyncClient(timeout=60))
        channels = [
            await stack.enter_async_context(grpc.aio.insecure_channel(plan["address"], options))
            for _ in range(ceil(plan["callers"] / CALLERS))
        ]
        for channel in channels:
            await channel.channel_ready()
        load = Load(plan, channels, web)
        if plan["seconds"]:
            await load.run(min(1, plan["seconds"]))
        seconds = await load.run(plan["seconds"])
    figures = load.figures
    answer = {
        "calls": load.calls,
        "seconds": seconds,
        "latencies": figures.latencies,
        "failures": figures.failures,
        "smallest": figures.smallest,
    }
    json.dump(answer, sys.stdout)


if __name__ == "__main__":
    uvloop.run(main())
