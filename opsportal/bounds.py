"""Limits on the size and duration of requests, before the user is known.

Requests cost memory and a connection even without a login, so they are limited on arrival:
`bounded`, around the ASGI application, limits a request's size; `Connection`, uvicorn's HTTP
connection, limits time and number.
"""

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

from ops.metrics import http_connections

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Any, Any, Any], Awaitable[None]]

LARGEST_TARGET = 32 * 1024  # path and query: a filter line with every letter escaped
LARGEST_HEADERS = 64 * 1024
LARGEST_BODY = 64 * 1024  # no form is larger, and routes take only forms
LARGEST_DISCARDED = 1024 * 1024  # read and dropped, as a client reads no answer before it has sent
LARGEST_SOCKET_MESSAGE = 125  # of a WebSocket, which sends us nothing but its end
BODY_SECONDS = 10.0
_FULL = (
    b"HTTP/1.1 503 Service Unavailable\r\ncontent-type: text/plain\r\nretry-after: 1\r\n"
    b"connection: close\r\n\r\nToo many connections are open. Try again in a moment.\n"
)


class _RefusedError(Exception):
    """The request is refused, with this status and sentence."""

    def __init__(self, status: int, sentence: str) -> None:
        super().__init__(sentence)
        self.status = status


def bounded(application: Application, seconds: float = BODY_SECONDS) -> Application:
    """Limit an application's requests; a body must arrive within `seconds`.

    Requests that are too large or too slow never reach the application.
    """

    async def serve(scope: Any, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            try:
                body = await _body(scope, receive, seconds)
            except _RefusedError as refused:
                await _refuse(refused, send)
            else:
                await application(scope, _once(body, receive), send)
        else:
            await application(scope, receive, send)

    return serve


async def _body(scope: Any, receive: Receive, seconds: float) -> Message:
    """Return the whole body as one message; raises _RefusedError."""
    target = len(scope["path"]) + len(scope["query_string"])
    if target > LARGEST_TARGET:
        raise _RefusedError(414, f"The address is longer than {LARGEST_TARGET // 1024} KiB.")
    if sum(len(name) + len(value) for name, value in scope["headers"]) > LARGEST_HEADERS:
        raise _RefusedError(431, f"The headers are larger than {LARGEST_HEADERS // 1024} KiB.")
    if _announced(scope["headers"]) > LARGEST_DISCARDED:
        raise _too_large()
    try:
        async with asyncio.timeout(seconds):
            return await _collected(receive)
    except TimeoutError:
        raise _RefusedError(
            408, f"The request did not arrive within {seconds:g} seconds. Send it again."
        ) from None


async def _collected(receive: Receive) -> Message:
    body, size, more = bytearray(), 0, True
    while more and size <= LARGEST_DISCARDED:
        message = await receive()
        if message["type"] != "http.request":
            return message
        piece, more = message.get("body", b""), message.get("more_body", False)
        size += len(piece)
        body += piece[: LARGEST_BODY + 1 - len(body)]
    if size > LARGEST_BODY:
        raise _too_large()
    return {"type": "http.request", "body": bytes(body), "more_body": False}


def _announced(headers: list[tuple[bytes, bytes]]) -> int:
    """Return the Content-Length, or 0 if there is none: then the body is counted."""
    lengths = [value for name, value in headers if name.lower() == b"content-length"]
    return max((int(value) for value in lengths if value.isdigit() and len(value) < 20), default=0)


def _too_large() -> _RefusedError:
    return _RefusedError(413, f"The request is larger than {LARGEST_BODY // 1024} KiB. Shorten it.")


def _once(first: Message, receive: Receive) -> Receive:
    """Return a `receive` that returns this message first, then those of `receive`."""
    given = False

    async def next_message() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return first

    return next_message


async def _refuse(refused: _RefusedError, send: Send) -> None:
    headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"connection", b"close")]
    await send({"type": "http.response.start", "status": refused.status, "headers": headers})
    await send({"type": "http.response.body", "body": f"{refused}\n".encode()})


class Connection(H11Protocol):
    """uvicorn's connection, closed if it is held open without being used.

        made --head in time--> request in progress --answered--> waits for the next head
          |                        |
          +-- late: closed         +-- the client does not read the answer: closed

    If too many are open, the one that has waited longest for a head is closed. If each has a
    request in progress, the new one is refused. One that becomes a WebSocket is no longer counted:
    those are limited by opsportal.dashboard.live.
    """

    head_seconds = 10.0
    stalled_seconds = 60.0  # without the client reading anything of an answer
    most = 1_000

    _late: asyncio.TimerHandle | None = None
    _stalled: asyncio.TimerHandle | None = None
    _upgraded = False

    @property
    def waiting_since(self) -> float:
        """When it started to wait for a head, in the loop's time; infinite if it does not wait."""
        return self._late.when() if self._late else float("inf")

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        http_connections.inc()
        if len(self._all()) > self.most and not self._make_room():
            transport.write(_FULL)
            transport.close()
        else:
            self._watch()

    def handle_websocket_upgrade(self, event: h11.Request) -> None:
        self._upgraded = True
        self._watch()
        http_connections.dec()
        super().handle_websocket_upgrade(event)

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        http_connections.dec()
        self._late = _stopped(self._late)
        self._stalled = _stopped(self._stalled)

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        self._watch()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        self._watch()

    def pause_writing(self) -> None:
        super().pause_writing()
        self._stalled = self.loop.call_later(self.stalled_seconds, self.transport.abort)

    def resume_writing(self) -> None:
        super().resume_writing()
        self._stalled = _stopped(self._stalled)

    def _watch(self) -> None:
        """Run the timer while the connection waits for a head."""
        waits = not self._upgraded and (self.cycle is None or self.cycle.response_complete)
        if not waits or self.transport.is_closing():
            self._late = _stopped(self._late)
        elif self._late is None:
            self._late = self.loop.call_later(self.head_seconds, self.transport.close)

    def _all(self) -> list["Connection"]:
        return [each for each in self.connections if isinstance(each, Connection)]

    def _make_room(self) -> bool:
        """Close the connection that has waited longest; return False if none waits."""
        longest = min(self._all(), key=lambda each: each.waiting_since)
        if longest.waiting_since == float("inf"):
            return False
        longest.transport.abort()
        return True

    def _unsupported_upgrade_warning(self) -> None:
        """Log nothing: an upgrade that we do not offer is answered as an ordinary request."""


def _stopped(timer: asyncio.TimerHandle | None) -> asyncio.TimerHandle | None:
    """Cancel a timer and return None, its replacement."""
    if timer is not None:
        timer.cancel()
    return None
