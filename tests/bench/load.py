"""The load, in a process of its own: reads what to do from standard input, writes figures.

`{"address", "token", "rpc", "callers", "seconds", "limit", "end"}` -> `{"calls", "seconds",
"latencies", "failures", "smallest"}`, where only "calls" counts the second of warming up. With 0
seconds there is none: each caller calls once, all together.
"""

import asyncio
import json
import random
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from itertools import count
from typing import Any

import grpc
import grpc.aio
import uvloop

from proto.ops import ops_pb2, ops_pb2_grpc

HOUR = 3600 * 10**9
SECOND = 10**9
LARGEST = 64 * 1024 * 1024


@dataclass
class Figures:
    """`latencies` in seconds; `smallest` is the fewest items that an answer had."""

    latencies: list[float] = field(default_factory=list)
    failures: Counter[str] = field(default_factory=Counter)
    smallest: int | None = None


class Load:
    """Callers on one channel, each calling again as soon as it was answered."""

    def __init__(self, plan: dict[str, Any], channel: grpc.aio.Channel) -> None:
        self.plan = plan
        self.stub: ops_pb2_grpc.OpsAsyncStub = ops_pb2_grpc.OpsStub(channel)
        self.metadata = (("authorization", f"Bearer {plan['token']}"),)
        self.numbers = count(random.randrange(SECOND))
        self.calls = 0
        self.figures = Figures()

    async def run(self, seconds: float) -> float:
        """Call for so long, or once each; returns the seconds that it took."""
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

    async def same(self) -> int:
        """What the reference client sends when it is given no option but the limit."""
        request = ops_pb2.ListTracesReq(
            service="petstore",
            start=-6795364578871345152,
            end=time.time_ns() + 5 * SECOND,
            search_depth=self.plan["limit"],
        )
        return len((await self.stub.ListTraces(request, metadata=self.metadata)).traces)

    async def different(self) -> int:
        """The same traces by a window that nobody else asks for."""
        request = ops_pb2.ListTracesReq(
            service="petstore",
            start=self.plan["end"] - HOUR - 1000 * next(self.numbers),
            end=self.plan["end"],
            search_depth=self.plan["limit"],
        )
        return len((await self.stub.ListTraces(request, metadata=self.metadata)).traces)

    async def alerts(self) -> int:
        return len((await self.stub.Alerts(ops_pb2.AlertsReq(), metadata=self.metadata)).alerts)

    async def refused(self) -> int:
        """Token, user, permission; then the id is no id, before any backend is asked."""
        try:
            await self.stub.ShowTrace(ops_pb2.ShowTraceReq(id="none"), metadata=self.metadata)
        except grpc.aio.AioRpcError as error:
            if error.code() is not grpc.StatusCode.INVALID_ARGUMENT:
                raise
        return 0


async def main() -> None:
    plan = json.load(sys.stdin)
    options = [("grpc.max_receive_message_length", LARGEST)]
    async with grpc.aio.insecure_channel(plan["address"], options) as channel:
        await channel.channel_ready()
        load = Load(plan, channel)
        if plan["seconds"]:
            await load.run(1)
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
