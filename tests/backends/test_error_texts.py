"""The texts that tell foreign errors apart, as the real libraries write them."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

import grpc
import grpc.aio
import pytest

from ops.backends.error_texts import NotConnected, is_broken_call, not_connected, too_large_size
from ops.backends.grpc_channels import open_channel
from ops.sites import Tls
from tests.fakes import tls
from tests.fakes.http2 import (
    DATA,
    END_HEADERS,
    END_STREAM,
    GOAWAY,
    HEADERS,
    RST_STREAM,
    STATUS_200,
    STATUS_400,
    STATUS_500,
    code,
    fake_http2,
    frame,
)
from tests.fakes.jaeger import FakeJaeger
from tests.fakes.prometheus import FakePrometheus

Setup = tuple[str, Tls | None, str]  # an address, how it is called, and the name it should have
TRUSTED = Tls(ca=tls.CA)


async def failure(address: str, tls: Tls | None = None, server_name: str = "") -> Any:
    """Call a server; return gRPC's error."""
    async with open_channel(address, tls, server_name=server_name) as channel:
        call: grpc.aio.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary("/a.B/C")
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await call(b"")
    return caught.value


@asynccontextmanager
async def nothing(address: str) -> AsyncIterator[Setup]:
    yield address, None, ""


@asynccontextmanager
async def web(secure: bool) -> AsyncIterator[Setup]:
    server = await FakePrometheus().start(tls.https() if secure else None)
    yield f"127.0.0.1:{server.port}", TRUSTED if secure else None, ""
    await server.stop()


@asynccontextmanager
async def jaeger(*, secure: bool, called: Tls | None, name: str = "") -> AsyncIterator[Setup]:
    async with FakeJaeger(credentials=tls.grpcs() if secure else None) as server:
        yield server.address, called, name


SETUPS: dict[NotConnected, Callable[[], AbstractAsyncContextManager[Setup]]] = {
    NotConnected.SPEAKS_HTTP: lambda: web(secure=False),
    NotConnected.NO_GRPC: lambda: web(secure=True),
    NotConnected.NO_TLS: lambda: jaeger(secure=False, called=Tls()),
    NotConnected.UNTRUSTED: lambda: jaeger(secure=True, called=Tls()),
    NotConnected.OTHER_NAME: lambda: jaeger(secure=True, called=TRUSTED, name="other.example"),
    NotConnected.CLOSED: lambda: jaeger(secure=True, called=None),
    NotConnected.REFUSED: lambda: nothing("127.0.0.1:1"),
    NotConnected.NO_SUCH_NAME: lambda: nothing("jaeger.invalid:16685"),
}


@pytest.mark.parametrize("why", NotConnected, ids=lambda why: why.name)
async def test_it_recognizes_every_way_not_to_be_connected(why: NotConnected) -> None:
    async with SETUPS[why]() as (address, called, name):
        error = await failure(address, called, name)
    assert error.code() is grpc.StatusCode.UNAVAILABLE
    assert not_connected(error.details()) is why


@pytest.mark.parametrize(
    ("answer", "status"),
    [
        (frame(RST_STREAM, 0, 1, code(2)), grpc.StatusCode.INTERNAL),
        (frame(HEADERS, END_HEADERS | END_STREAM, 1, STATUS_400), grpc.StatusCode.INTERNAL),
        (frame(HEADERS, END_HEADERS | END_STREAM, 1, STATUS_500), grpc.StatusCode.UNKNOWN),
        (frame(HEADERS, END_HEADERS | END_STREAM, 1, STATUS_200), grpc.StatusCode.UNKNOWN),
        (
            frame(HEADERS, END_HEADERS, 1, STATUS_200) + frame(DATA, END_STREAM, 1),
            grpc.StatusCode.UNKNOWN,
        ),
    ],
    ids=["reset", "status 400", "status 500", "no trailers", "no trailers after data"],
)
async def test_it_recognizes_a_call_that_grpc_itself_ended(
    answer: bytes, status: grpc.StatusCode
) -> None:
    async with fake_http2(answer) as address:
        error = await failure(address)
    assert error.code() is status
    assert is_broken_call(error.details())


async def test_a_connection_that_is_told_to_go_away_has_a_code_of_its_own() -> None:
    async with fake_http2(frame(GOAWAY, 0, 0, code(0) + code(2))) as address:
        error = await failure(address)
    assert error.code() is grpc.StatusCode.UNAVAILABLE


async def test_a_server_s_own_failure_is_no_broken_call() -> None:
    async with FakeJaeger() as server:
        server.fail(grpc.StatusCode.UNKNOWN, "the storage is gone")
        async with open_channel(server.address, None) as channel:
            call: grpc.aio.UnaryUnaryMultiCallable[bytes, bytes]
            call = channel.unary_unary("/jaeger.api_v3.QueryService/GetServices")
            with pytest.raises(grpc.aio.AioRpcError) as caught:
                await call(b"")
    assert not is_broken_call(caught.value.details() or "")


@pytest.mark.parametrize(
    ("compression", "known"),
    [(grpc.Compression.NoCompression, True), (grpc.Compression.Gzip, False)],
    ids=str,
)
async def test_it_reads_the_size_of_a_message_above_the_limit(
    compression: grpc.Compression, known: bool
) -> None:
    size = 5 * 1024**2

    async def large(request: bytes, context: grpc.aio.ServicerContext[bytes, bytes]) -> bytes:
        return bytes(size)

    server = grpc.aio.server(compression=compression)
    handlers: Any = {"C": grpc.unary_unary_rpc_method_handler(large)}
    server.add_generic_rpc_handlers([grpc.method_handlers_generic_handler("a.B", handlers)])
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    error = await failure(f"127.0.0.1:{port}")
    await server.stop(None)
    assert error.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert too_large_size(error.details()) == (size if known else 0)


def test_it_takes_an_overloaded_server_for_no_large_message() -> None:
    assert too_large_size("too many requests") is None
