"""OpAMP over HTTP: agents that say something at each heartbeat, and hear of a change only then."""

import asyncio
import time
from collections.abc import Callable
from itertools import cycle

from proto.opamp.opamp_pb2 import ServerToAgent

CONNECTIONS = 50


class _Connection:
    """A connection that several agents share in turn, as behind a proxy."""

    def __init__(
        self, address: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self._address, self._reader, self._writer = address, reader, writer
        self._free = asyncio.Lock()

    async def post(self, message: bytes) -> ServerToAgent:
        async with self._free:
            self._writer.write(
                f"POST /v1/opamp HTTP/1.1\r\nHost: {self._address}\r\n"
                "Content-Type: application/x-protobuf\r\n"
                f"Content-Length: {len(message)}\r\n\r\n".encode()
                + message
            )
            head = (await self._reader.readuntil(b"\r\n\r\n")).lower()
            assert b" 200 " in head, head
            length = int(head.partition(b"content-length: ")[2].partition(b"\r\n")[0])
            return ServerToAgent.FromString(await self._reader.readexactly(length))

    def close(self) -> None:
        self._writer.close()


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
    host, _, port = address.partition(":")
    connections = [
        _Connection(address, *await asyncio.open_connection(host, int(port)))
        for _ in range(CONNECTIONS)
    ]
    began = time.perf_counter()

    async def live(number: int, connection: _Connection) -> float:
        sequence = 0

        async def say(answer: ServerToAgent | None = None) -> ServerToAgent:
            nonlocal sequence
            sequence += 1
            return await connection.post(write(number, sequence - 1, answer))

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
