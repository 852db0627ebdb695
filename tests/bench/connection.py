"""HTTP with as little as possible, so that the server is measured and not the client."""

import asyncio
from typing import Self


class Connection:
    """A connection that is kept; whoever shares it takes turns."""

    def __init__(
        self, address: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self._address, self._reader, self._writer = address, reader, writer
        self._free = asyncio.Lock()

    @classmethod
    async def open(cls, address: str) -> Self:
        """Connect to `host:port`."""
        host, _, port = address.partition(":")
        return cls(address, *await asyncio.open_connection(host, int(port)))

    async def ask(self, line: str, *headers: str, body: bytes = b"") -> bytes:
        """Send a request, `GET /path` and its headers, and return the body of the answer."""
        lines = [f"{line} HTTP/1.1", f"Host: {self._address}", *headers]
        if body:
            lines.append(f"Content-Length: {len(body)}")
        async with self._free:
            self._writer.write("\r\n".join([*lines, "", ""]).encode() + body)
            head = (await self._reader.readuntil(b"\r\n\r\n")).lower()
            assert b" 200 " in head, head
            length = int(head.partition(b"content-length: ")[2].partition(b"\r\n")[0])
            return await self._reader.readexactly(length)

    def close(self) -> None:
        """Close it."""
        self._writer.close()
