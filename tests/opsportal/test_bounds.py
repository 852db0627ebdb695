"""Limits on requests without a login: size, duration, and number of connections."""

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import pytest
import uvicorn
import websockets
from uvicorn.config import WSProtocolType

from ops.metrics import http_connections
from opsportal.bounds import (
    LARGEST_BODY,
    LARGEST_DISCARDED,
    LARGEST_HEADERS,
    LARGEST_TARGET,
    Connection,
    bounded,
)

SHORTLY = 0.3  # longer than a busy machine holds up what was sent at once


class Impatient(Connection):
    head_seconds = SHORTLY
    stalled_seconds = SHORTLY


class Crowded(Connection):
    most = 3


class Reached:
    """An application that counts the bytes which it is given, and answers with so many."""

    def __init__(self) -> None:
        self.bodies: list[int] = []
        self.answer = b"reached"
        self.begun = asyncio.Event()
        self.may_end = asyncio.Event()
        self.may_end.set()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self.begun.set()
        await self.may_end.wait()
        self.bodies.append(len((await receive())["body"]))
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": self.answer})


class QuietServer(uvicorn.Server):
    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Signals are the test runner's."""
        yield


@asynccontextmanager
async def served(
    application: Any, protocol: type[Connection] = Connection, ws: WSProtocolType = "none"
) -> AsyncIterator[Callable[[], Awaitable[tuple[asyncio.StreamReader, asyncio.StreamWriter]]]]:
    """Serve as `manage.py serve` does; gives what connects to it."""
    config = uvicorn.Config(
        application,
        http=protocol,
        ws=ws,
        lifespan="off",
        log_config=None,
        proxy_headers=False,
    )
    server = QuietServer(config)
    listening = socket.create_server(("127.0.0.1", 0))
    port = listening.getsockname()[1]
    serving = asyncio.ensure_future(server.serve([listening]))
    writers: list[asyncio.StreamWriter] = []

    async def connect() -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writers.append(writer)
        return reader, writer

    try:
        yield connect
    finally:
        for writer in writers:
            writer.close()
        server.should_exit = True
        await serving
        listening.close()


async def answer(connect: Any, request: bytes) -> bytes:
    """Send it and return all that comes until the other side closes."""
    reader, writer = await connect()
    writer.write(request)
    return bytes(await reader.read())


HEAD = b"POST /account/login/ HTTP/1.1\r\nhost: x\r\nconnection: close\r\n"
TOO_LARGE = b"The request is larger than 64 KiB. Shorten it."


async def test_it_takes_the_largest_form() -> None:
    reached = Reached()
    async with served(bounded(reached)) as connect:
        length = f"content-length: {LARGEST_BODY}\r\n\r\n".encode()
        assert b"reached" in await answer(connect, HEAD + length + b"a" * LARGEST_BODY)
    assert reached.bodies == [LARGEST_BODY]


async def test_it_refuses_a_body_for_its_announced_length_before_it_comes() -> None:
    reached = Reached()
    async with served(bounded(reached)) as connect:
        said = await answer(connect, HEAD + b"content-length: 300000000\r\n\r\n")
    assert said.startswith(b"HTTP/1.1 413") and TOO_LARGE in said
    assert reached.bodies == []


async def test_who_still_sends_reads_the_refusal() -> None:
    reached = Reached()
    body = b"a" * LARGEST_DISCARDED
    async with served(bounded(reached)) as connect:
        said = await answer(connect, HEAD + f"content-length: {len(body)}\r\n\r\n".encode() + body)
    assert said.startswith(b"HTTP/1.1 413") and TOO_LARGE in said
    assert reached.bodies == []


async def test_it_counts_a_body_that_does_not_say_its_length() -> None:
    reached = Reached()
    piece = b"4000\r\n" + b"a" * 0x4000 + b"\r\n"
    async with served(bounded(reached)) as connect:
        said = await answer(
            connect, HEAD + b"transfer-encoding: chunked\r\n\r\n" + piece * 5 + b"0\r\n\r\n"
        )
    assert said.startswith(b"HTTP/1.1 413") and TOO_LARGE in said
    assert reached.bodies == []


async def test_it_gives_up_a_body_that_does_not_arrive() -> None:
    reached = Reached()
    async with served(bounded(reached, seconds=SHORTLY)) as connect:
        said = await answer(connect, HEAD + b"content-length: 10\r\n\r\nhalf")
    assert said.startswith(b"HTTP/1.1 408") and b"Send it again." in said
    assert reached.bodies == []


@pytest.mark.parametrize(
    ("path", "query", "header", "status"),
    [
        (b"/" + b"a" * LARGEST_TARGET, b"", b"", 414),
        (b"/traces/", b"q=" + b"a" * LARGEST_TARGET, b"", 414),
        (b"/", b"", b"a" * LARGEST_HEADERS, 431),
    ],
)
async def test_it_refuses_a_head_that_is_too_large(
    path: bytes, query: bytes, header: bytes, status: int
) -> None:
    """Servers differ in how much of a head they take: what is given us is counted."""
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    async def receive() -> Any:
        return {"type": "http.request", "body": b"", "more_body": False}

    scope = {"type": "http", "path": path.decode(), "query_string": query, "headers": []}
    if header:
        scope["headers"] = [(b"cookie", header)]
    reached = Reached()
    await bounded(reached)(scope, receive, send)
    assert sent[0]["status"] == status
    assert reached.bodies == []


@pytest.mark.parametrize("half", [b"", b"GET / HT", b"GET / HTTP/1.1\r\nhost: x\r\nx-more: "])
async def test_it_closes_a_connection_whose_head_does_not_come(half: bytes) -> None:
    async with served(bounded(Reached()), Impatient) as connect:
        assert await answer(connect, half) == b""


async def test_it_closes_a_connection_whose_second_head_does_not_come() -> None:
    async with served(bounded(Reached()), Impatient) as connect:
        said = await answer(connect, b"GET / HTTP/1.1\r\nhost: x\r\n\r\nGET /")
    assert said.count(b"reached") == 1


async def test_it_does_not_close_a_connection_while_a_request_takes_long() -> None:
    reached = Reached()
    reached.may_end.clear()
    async with served(bounded(reached), Impatient) as connect:
        asking = asyncio.ensure_future(answer(connect, b"GET / HTTP/1.1\r\nhost: x\r\n\r\n"))
        await reached.begun.wait()
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(asyncio.shield(asking), SHORTLY * 3)
        reached.may_end.set()
        assert b"reached" in await asking


async def test_it_ends_an_answer_that_nobody_takes() -> None:
    reached = Reached()
    reached.answer = b"a" * 50_000_000
    async with served(bounded(reached), Impatient) as connect:
        reader, writer = await connect()
        writer.write(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n")
        await reached.begun.wait()
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(asyncio.Event().wait(), SHORTLY * 3)
        assert len(await reader.read()) < len(reached.answer)


async def test_whoever_holds_connections_without_using_them_makes_room() -> None:
    async with served(bounded(Reached()), Crowded) as connect:
        held = [await connect() for _ in range(3)]
        for _, writer in held:
            writer.write(b"GET / HT")
        assert b"reached" in await answer(
            connect, b"GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n"
        )
        assert await held[0][0].read() == b""


async def test_it_turns_away_whom_it_has_no_room_for() -> None:
    reached = Reached()
    reached.may_end.clear()
    request = b"GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n"
    async with served(bounded(reached), Crowded) as connect:
        asking = []
        for _ in range(3):
            reached.begun.clear()
            asking.append(asyncio.ensure_future(answer(connect, request)))
            await reached.begun.wait()
        assert (await answer(connect, b"")).startswith(b"HTTP/1.1 503")
        reached.may_end.set()
        assert all(b"reached" in said for said in await asyncio.gather(*asking))


UPGRADE = (
    b"GET /any/path HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: websocket\r\n"
    b"sec-websocket-version: 13\r\nsec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
)


async def test_it_answers_a_websocket_upgrade_as_the_request_that_it_is(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with served(bounded(Reached())) as connect:
        reader, writer = await connect()
        writer.write(UPGRADE)
        assert (await reader.readuntil(b"\r\n")) == b"HTTP/1.1 200 OK\r\n"
    assert not caplog.records


class Alone(Impatient):
    most = 1


async def test_a_socket_stays_open_and_takes_nobodys_place() -> None:
    async def echo(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            return await Reached()(scope, receive, send)
        await receive()
        await send({"type": "websocket.accept"})
        while "text" in (message := await receive()):
            await send({"type": "websocket.send", "text": message["text"]})
        return None

    async with served(echo, Alone, "websockets-sansio") as connect:
        _, writer = await connect()
        host, port = writer.get_extra_info("peername")
        writer.close()
        before = http_connections._value.get()
        address = f"ws://{host}:{port}/"
        async with (
            websockets.connect(address, proxy=None) as first,
            websockets.connect(address, proxy=None) as second,
        ):
            assert b"reached" in await answer(connect, HEAD + b"content-length: 0\r\n\r\n")
            # A connection that has only begun is closed for its silence by now.
            assert await answer(connect, b"GET / HTTP/1.1\r\n") == b""
            for socket in (first, second):
                await socket.send("still here")
                assert await socket.recv() == "still here"
        assert http_connections._value.get() <= before
