"""Slack's Socket Mode: connections, envelopes and acknowledgements."""

import asyncio
import itertools
import json
import secrets
from collections import defaultdict
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from aiohttp import WSMsgType, web

from .app import APP, BOT_USER, TEAM
from .blocks import Json
from .shared import SECONDS, Shared

ACK_SECONDS = 3.0
MOST_SOCKETS = 10


@dataclass
class Delivery:
    """An envelope that was sent on a socket; `acked` is set when it is acknowledged."""

    envelope: Json
    socket: web.WebSocketResponse | None = None
    sent: float = 0.0
    acked: asyncio.Event = field(default_factory=asyncio.Event)
    seconds: float = 0.0

    async def acknowledged(self) -> None:
        """Wait for the acknowledgement."""
        async with asyncio.timeout(SECONDS):
            await self.acked.wait()


class SocketMode(Shared):
    """Send envelopes to one app, on each of its connections in turn."""

    def __init__(self) -> None:
        super().__init__()
        self.ping_seconds = 10.0
        self.sockets: list[web.WebSocketResponse] = []
        self.greetings = 0
        self.pongs = 0
        self.answers_pings = True
        self.silent = False
        self.handshakes_fail = 0
        self.hello: Json = {}
        self.socket_mode = True
        self.most_sockets = MOST_SOCKETS
        self._deliveries: dict[str, list[Delivery]] = defaultdict(list)
        self._round_robin = itertools.count()

    # What tests do

    async def greeted(self, times: int = 1) -> None:
        """Wait until a connection was opened that many times."""
        await self._until(lambda: self.greetings >= times)

    async def connected(self) -> None:
        """Wait until there is an open connection."""
        await self._until(lambda: bool(self.sockets))

    async def ponged(self) -> None:
        """Wait until a ping was answered."""
        await self._until(lambda: self.pongs > 0)

    async def deliver(self, event: Json, event_id: str = "", **wrapper: Any) -> Delivery:
        """Send an event to one of the sockets; `wrapper` changes the fields around it."""
        payload = {
            "token": "vt",
            "team_id": TEAM,
            **({"enterprise_id": self.enterprise} if self.enterprise else {}),
            "api_app_id": APP,
            "event": event,
            "type": "event_callback",
            "event_id": event_id or f"Ev{secrets.token_hex(5).upper()}",
            "event_time": int(float(event.get("ts") or event["event_ts"])),
            "is_ext_shared_channel": False,
            "authorizations": [
                {
                    "enterprise_id": self.enterprise or None,
                    "team_id": None if self.org_wide else TEAM,
                    "user_id": BOT_USER,
                    "is_bot": True,
                    "is_enterprise_install": self.org_wide,
                }
            ],
            **wrapper,
        }
        return await self.send({"type": "events_api", "payload": payload})

    async def send(self, envelope: Json) -> Delivery:
        """Send any envelope on one of the sockets; if the socket breaks, the envelope is lost."""
        whole = {
            "envelope_id": secrets.token_hex(16),
            "accepts_response_payload": False,
            "retry_attempt": 0,
            "retry_reason": "",
            **envelope,
        }
        socket = self._next_socket()
        delivery = Delivery(whole, socket, self.clock())
        self._deliveries[whole["envelope_id"]].append(delivery)
        with suppress(ConnectionError):
            await socket.send_json(whole)
        return delivery

    async def redeliver(self, delivery: Delivery, attempt: int = 1) -> Delivery:
        """Send an event again; attempt 0 keeps the envelope's ID, like a copy elsewhere."""
        again = {**delivery.envelope, "retry_attempt": attempt}
        if attempt:
            again |= {"envelope_id": secrets.token_hex(16), "retry_reason": "timeout"}
        return await self.send(again)

    async def disconnect(self, reason: str, *, close: bool = False) -> None:
        """Send every socket a disconnect; `close` also closes them."""
        for socket in list(self.sockets):
            await socket.send_json({"type": "disconnect", "reason": reason})
            if close:
                await socket.close()

    def abort(self) -> None:
        """Break every connection, as a broken network would."""
        for socket in list(self.sockets):
            transport = socket._req.transport if socket._req else None
            if transport is not None:
                transport.abort()

    # What Slack does

    async def _link(self, request: web.Request) -> web.StreamResponse:
        ticket = request.query.get("ticket", "")
        if ticket not in self._tickets:
            self.violations.append("a ticket was used twice")
            return web.Response(status=401)
        self._tickets.remove(ticket)
        if self.handshakes_fail:
            self.handshakes_fail -= 1
            return web.Response(status=503)
        socket = web.WebSocketResponse(autoping=False)
        await socket.prepare(request)
        if reason := self._unwelcome():
            await socket.send_json({"type": "disconnect", "reason": reason})
            await socket.close()
            return socket
        self.sockets.append(socket)
        pinging = asyncio.ensure_future(self._ping(socket))
        try:
            await self._greet(socket)
            await self._read(socket)
        finally:
            pinging.cancel()
            self.sockets.remove(socket)
        return socket

    def _unwelcome(self) -> str:
        if not self.socket_mode:
            return "link_disabled"
        return "too_many_websockets" if len(self.sockets) >= self.most_sockets else ""

    async def _greet(self, socket: web.WebSocketResponse) -> None:
        await socket.send_json(
            {
                "type": "hello",
                "num_connections": len(self.sockets),
                "debug_info": {"host": "applink-1", "approximate_connection_time": 18060},
                "connection_info": {"app_id": APP},
                **self.hello,
            }
        )
        self.greetings += 1
        await self._tell()

    async def _read(self, socket: web.WebSocketResponse) -> None:
        async for frame in socket:
            if frame.type == WSMsgType.PING and self.answers_pings and not self.silent:
                await socket.pong(frame.data)
            elif frame.type == WSMsgType.PONG:
                self.pongs += 1
                await self._tell()
            elif frame.type == WSMsgType.TEXT and len(frame.data) < 20_000:
                self._acknowledge(json.loads(frame.data), socket)

    def _acknowledge(self, answer: Json, socket: web.WebSocketResponse) -> None:
        """Match an acknowledgement to its delivery, first to one on the same socket."""
        waiting = [d for d in self._deliveries[answer["envelope_id"]] if not d.acked.is_set()]
        if not waiting:
            self.violations.append(f"an acknowledgement of nothing: {answer}")
            return
        delivery = next((each for each in waiting if each.socket is socket), waiting[0])
        # The Node client always sends a payload, an empty one if there is nothing to say.
        if answer.get("payload") and not delivery.envelope["accepts_response_payload"]:
            self.violations.append("an acknowledgement has a payload that nobody asked for")
        delivery.seconds = self.clock() - delivery.sent
        if delivery.seconds > ACK_SECONDS:
            self.violations.append(f"an acknowledgement took {delivery.seconds:.1f} s")
        delivery.acked.set()

    async def _ping(self, socket: web.WebSocketResponse) -> None:
        for number in itertools.count(1):
            await asyncio.sleep(self.ping_seconds)
            if self.silent:
                continue
            await socket.ping(f"Ping from applink-{number}".encode())

    def _next_socket(self) -> web.WebSocketResponse:
        assert self.sockets, "the bot is not connected"
        return self.sockets[next(self._round_robin) % len(self.sockets)]
