"""An HTTP/2 server that answers a call with one frame that a test chooses, and nothing else."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

DATA, HEADERS, RST_STREAM, SETTINGS, GOAWAY = 0, 1, 3, 4, 7
END_STREAM, ACK, END_HEADERS = 1, 1, 4
# Entries of HPACK's static table: a whole header in one byte.
STATUS_200, STATUS_400, STATUS_500 = b"\x88", b"\x8c", b"\x8e"


def frame(kind: int, flags: int, stream: int, payload: bytes = b"") -> bytes:
    """Return a frame as in RFC 9113: length, type, flags, stream, payload."""
    head = len(payload).to_bytes(3, "big") + bytes([kind, flags])
    return head + stream.to_bytes(4, "big") + payload


def code(number: int) -> bytes:
    """Return the payload of a RST_STREAM with an error code."""
    return number.to_bytes(4, "big")


@asynccontextmanager
async def fake_http2(answer: bytes) -> AsyncIterator[str]:
    """Serve while inside; yields the address."""
    serving: set[asyncio.Task[None]] = set()

    def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        serving.add(asyncio.create_task(_answer(reader, writer, answer)))

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()
        for task in serving:
            task.cancel()
        await asyncio.gather(*serving, return_exceptions=True)


async def _answer(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, answer: bytes
) -> None:
    writer.write(frame(SETTINGS, 0, 0) + frame(SETTINGS, ACK, 0))
    await reader.readexactly(len(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"))
    kind = SETTINGS
    try:
        while kind != DATA:  # the request is whole
            head = await reader.readexactly(9)
            kind = head[3]
            await reader.readexactly(int.from_bytes(head[:3], "big"))
        writer.write(answer)
        await reader.read()  # until the client leaves
    finally:
        writer.close()
