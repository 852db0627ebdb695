"""OpAMP over HTTP: agents that say something at each heartbeat, and hear of a change only then."""

import asyncio
import time
from collections.abc import Callable
from itertools import cycle

from proto.opamp.opamp_pb2 import ServerToAgent
from tests.bench.connection import Connection

CONNECTIONS = 50


async def seconds_until_applied(
    address: str,
    count: int,
    heartbeat: float,
    write: Callable[[int, int, ServerToAgent | None], bytes],
    change: Callable[[], float],
) -> float:
    """Let agents beat evenly, change everything, and return when the last has applied it.

    `write` makes the message of an agent's number and sequence number, which says that the
    configuration in an answer is applied; `change` returns when it was committed.
    """
    connections = [await Connection.open(address) for _ in range(CONNECTIONS)]
    began = time.perf_counter()

    async def live(number: int, connection: Connection) -> float:
        sequence = 0

        async def say(answer: ServerToAgent | None = None) -> ServerToAgent:
            nonlocal sequence
            sequence += 1
            message = write(number, sequence - 1, answer)
            head = "POST /v1/opamp", "Content-Type: application/x-protobuf"
            return ServerToAgent.FromString(await connection.ask(*head, body=message))

        first = began + number * heartbeat / count
        await asyncio.sleep(max(first - time.perf_counter(), 0))
        await say(await say())
        for beat in range(1, 5):
            await asyncio.sleep(max(first + beat * heartbeat - time.perf_counter(), 0))
            answer = await say()
            if answer.HasField("remote_config"):
                await say(answer)
                return time.time()
        raise AssertionError(f"agent {number} was not told")

    living = asyncio.gather(*map(live, range(count), cycle(connections)))
    await asyncio.sleep(heartbeat)
    committed = await asyncio.to_thread(change)
    last = max(await living)
    for each in connections:
        each.close()
    return last - committed
