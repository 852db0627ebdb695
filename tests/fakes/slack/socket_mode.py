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
# After how many seconds Slack sends an event again, and the attempt that it calls it.
REDELIVERIES = ((4, 1), (15, 0), (60, 2), (300, 3))


@dataclass
class Delivery:
    """An envelope that was sent on a socket; `acked` is set when it is acknowledged.

    `answer` is the payload of the acknowledgement, `copies` are the same event sent again.
    """

    envelope: Json
    socket: web.WebSocketResponse | None = None
    sent: float = 0.0
    acked: asyncio.Event = field(default_factory=asyncio.Event)
    seconds: float = 0.0
    answer: Json | None = None
    copies: list["Delivery"] = field(default_factory=list)

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
        self.redelivery_speed = 0.0
        """How many times faster than Slack it sends again what is not acknowledged; 0: never."""
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
            "event_time": _seconds(event.get("ts") or event.get("event_ts")),
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
        """Send any envelope on one of the sockets; if the socket breaks, the envelope is lost.

        With `redelivery_speed`, an event is sent again until it is acknowledged.
        """
        delivery = await self._send(envelope, self._next_socket())
        if self.redelivery_speed and envelope.get("type") == "events_api":
            self._in_background(self._insist(delivery))
        return delivery

    async def redeliver(self, delivery: Delivery, attempt: int = 1) -> Delivery:
        """Send an event again; attempt 0 keeps the envelope's ID, like a copy elsewhere."""
        again = {**delivery.envelope, "retry_attempt": attempt}
        if attempt:
            again |= {"envelope_id": secrets.token_hex(16), "retry_reason": "timeout"}
        copy = await self._send(again, self._next_socket())
        delivery.copies.append(copy)
        return copy

    async def _insist(self, delivery: Delivery) -> None:
        """Send an event again as Slack does, until it or a copy is acknowledged."""
        waited = 0.0
        for seconds, attempt in REDELIVERIES:
            await asyncio.sleep((seconds - waited) / self.redelivery_speed)
            waited = seconds
            if any(each.acked.is_set() for each in (delivery, *delivery.copies)):
                return
            if attempt == 0 and len(self.sockets) > 1 and self._upcoming() is delivery.socket:
                next(self._round_robin)  # the copy goes to another connection
            if self.sockets:
                await self.redeliver(delivery, attempt)

    async def _send(self, envelope: Json, socket: web.WebSocketResponse) -> Delivery:
        whole = {
            "envelope_id": secrets.token_hex(16),
            "accepts_response_payload": False,
            "retry_attempt": 0,
            "retry_reason": "",
            **envelope,
        }
        delivery = Delivery(whole, socket, self.clock())
        self._deliveries[str(whole["envelope_id"])].append(delivery)
        with suppress(ConnectionError):
            await socket.send_json(whole)
        return delivery

    async def all_redelivered(self) -> None:
        """Wait until nothing is sent again any more."""
        await asyncio.gather(*self._tasks)

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
                self._acknowledge(_read(frame.data), socket)
                await self._tell()
            elif frame.type == WSMsgType.BINARY:
                self.violations.append("a binary frame")

    def _acknowledge(self, answer: Json, socket: web.WebSocketResponse) -> None:
        """Match an acknowledgement to its delivery, first to one on the same socket."""
        known = self._deliveries.get(str(answer.get("envelope_id")), [])
        waiting = [each for each in known if not each.acked.is_set()]
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
        delivery.answer = answer.get("payload") or None
        delivery.acked.set()
        self._acked(delivery)

    def _acked(self, delivery: Delivery) -> None:
        """Show what the acknowledgement says."""

    async def _ping(self, socket: web.WebSocketResponse) -> None:
        for number in itertools.count(1):
            await asyncio.sleep(self.ping_seconds)
            if self.silent:
                continue
            await socket.ping(f"Ping from applink-{number}".encode())

    def _upcoming(self) -> web.WebSocketResponse | None:
        """Return the socket of the next envelope, without taking its turn."""
        following = next(self._round_robin)
        self._round_robin = itertools.count(following)
        return self.sockets[following % len(self.sockets)] if self.sockets else None

    def _next_socket(self) -> web.WebSocketResponse:
        assert self.sockets, "the bot is not connected"
        return self.sockets[next(self._round_robin) % len(self.sockets)]


def _read(data: str) -> Json:
    """Return an acknowledgement, {} for a frame that is none."""
    try:
        answer = json.loads(data)
    except (ValueError, RecursionError):
        return {}
    return answer if isinstance(answer, dict) else {}


def _seconds(ts: object) -> int:
    try:
        return int(float(str(ts)))
    except ValueError:  # an odd event, sent on purpose
        return 0
