"""OpAMP over WebSockets: answers, and what is pushed when the sampling of a service changes.

Each binary message has a header before the protobuf, a varint that is 0 so far. Old agents send
none: no protobuf begins with a zero, so they can be told apart.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from ops.remote.agents import Peer
from ops.remote.http import parsed
from ops.remote.keys import Refused
from ops.remote.site import RemoteSite
from proto.opamp.opamp_pb2 import (
    ServerErrorResponseType_BadRequest,
    ServerErrorResponseType_Unavailable,
    ServerToAgent,
)

HEADER = b"\0"
MOST = 10_000
RETRY_AFTER = 5_000_000_000
GOING_AWAY = 1001
PUSH_SECONDS = 5.0
AT_ONCE = 100  # before others get their turn
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
log = logging.getLogger(__name__)


class Sockets:
    """The open WebSockets of this process."""

    def __init__(self, now: Callable[[], int]) -> None:
        self._now = now
        self._open: dict[int, Send] = {}
        self._pushing: set[asyncio.Task[None]] = set()

    async def serve(self, site: RemoteSite, peer: Peer, receive: Receive, send: Send) -> None:
        """Serve one WebSocket until it is closed."""
        await receive()  # its opening
        if len(self._open) >= MOST:
            raise Refused(503, "Too many agents are connected.")
        await send({"type": "websocket.accept"})
        socket = object()
        self._open[id(socket)] = send
        try:
            while (message := await receive())["type"] == "websocket.receive":
                await send(_framed(self._reply(site, peer, message.get("bytes") or b"", socket)))
        finally:
            del self._open[id(socket)]
            site.opamp.closed(socket)

    def _reply(self, site: RemoteSite, peer: Peer, data: bytes, socket: object) -> ServerToAgent:
        try:
            return site.opamp.answer(parsed(data.removeprefix(HEADER)), peer, self._now(), socket)
        except Refused as refused:
            reply = ServerToAgent()
            reply.error_response.type = ServerErrorResponseType_BadRequest
            reply.error_response.error_message = str(refused)
            return reply

    async def push(self, site: RemoteSite) -> None:
        """Send what has changed to every agent that is connected; none waits for another."""
        for number, (talk, message) in enumerate(site.opamp.pushes(self._now())):
            if send := self._open.get(id(talk.socket)):
                self._send_soon(send, _framed(message))
            if number % AT_ONCE == 0:
                await asyncio.sleep(0)

    async def close(self) -> None:
        """Tell every agent to come back in a moment, and close."""
        goodbye = ServerToAgent()
        goodbye.error_response.type = ServerErrorResponseType_Unavailable
        goodbye.error_response.retry_info.retry_after_nanoseconds = RETRY_AFTER
        for send in self._open.values():
            self._send_soon(send, _framed(goodbye))
            self._send_soon(send, {"type": "websocket.close", "code": GOING_AWAY})
        if self._pushing:
            await asyncio.wait(self._pushing)

    def _send_soon(self, send: Send, message: Message) -> None:
        task = asyncio.ensure_future(_sent(send, message))
        self._pushing.add(task)
        task.add_done_callback(self._pushing.discard)


async def _sent(send: Send, message: Message) -> None:
    """Send; an agent that does not read, or that has gone, is none of ours."""
    try:
        async with asyncio.timeout(PUSH_SECONDS):
            await send(message)
    except (OSError, RuntimeError) as error:
        log.debug("a WebSocket of an agent took nothing: %r", error)


def _framed(message: ServerToAgent) -> Message:
    return {"type": "websocket.send", "bytes": HEADER + message.SerializeToString()}
