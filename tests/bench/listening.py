"""Many browsers with an open page, in a process of their own: `python -m tests.bench.listening`.

It connects a socket for each session in the file that it is given, and says so. For each word on
standard input it writes a line of JSON: when each socket received that word, and how many bytes and
messages all have received so far.
"""

import asyncio
import gzip
import json
import resource
import sys
import time
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from typing import TypedDict

from websockets.asyncio.client import ClientConnection, connect
from websockets.typing import Origin

AT_ONCE = 50  # handshakes
SECONDS = 30.0


class Heard(TypedDict):
    """When each socket received a word (Unix seconds), and what all have received so far."""

    at: list[float]
    bytes: int
    messages: int


@lru_cache(maxsize=16)
def unpacked(data: bytes) -> bytes:
    """Return a message; many sockets receive the same."""
    return gzip.decompress(data)


class Listeners:
    """The sockets."""

    def __init__(self, number: int) -> None:
        self.word = b""
        self.at: list[float] = []
        self.bytes = self.messages = 0
        self.all_heard = asyncio.Event()
        self._number = number
        self._opening = asyncio.Semaphore(AT_ONCE)

    async def open(self, host: str, page: str, session: str) -> ClientConnection:
        """Connect a socket and receive what it begins with."""
        async with self._opening:
            socket = await connect(
                f"ws://{host}/live/?page={page}",
                origin=Origin(f"http://{host}"),
                additional_headers={"Cookie": f"sessionid={session}"},
                compression=None,
                proxy=None,
                ping_interval=None,
                max_size=None,
            )
            await socket.recv()
            return socket

    def expect(self, word: str) -> None:
        """Wait for a word from now on."""
        self.word, self.at = word.encode(), []
        self.all_heard.clear()

    async def listen(self, socket: ClientConnection) -> None:
        """Note when each word comes for the first time."""
        heard = b""
        async for data in socket:
            self.bytes += len(data)
            self.messages += 1
            word = self.word
            if word == heard or not isinstance(data, bytes) or word not in unpacked(data):
                continue
            heard = word
            self.at.append(time.time())
            if len(self.at) == self._number:
                self.all_heard.set()


async def main(host: str, page: str, sessions: list[str]) -> None:
    """Listen until standard input ends."""
    listeners = Listeners(len(sessions))
    opening = (listeners.open(host, page, each) for each in sessions)
    tasks = [asyncio.create_task(listeners.listen(each)) for each in await asyncio.gather(*opening)]
    print("ready", flush=True)
    while word := (await asyncio.to_thread(sys.stdin.readline)).strip():
        listeners.expect(word)
        if word != "-":
            with suppress(TimeoutError):
                async with asyncio.timeout(SECONDS):
                    await listeners.all_heard.wait()
        heard = Heard(at=listeners.at, bytes=listeners.bytes, messages=listeners.messages)
        print(json.dumps(heard), flush=True)
    for task in tasks:
        task.cancel()


if __name__ == "__main__":
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(4096, most), most))
    asyncio.run(main(**json.loads(Path(sys.argv[1]).read_text())))
