"""Several connections to Slack, each with its next socket open before the old one closes."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Any

import aiohttp

from bot.slack.sockets import EXPECTED, HALF_LIFE, Envelope, Socket
from bot.slack.timing import Backoff, Timing

CONNECTIONS = 2
_NO_COUNT = 1_000  # Slack allows ten
_NO_LIFETIME = 1e6
Opening = Callable[[Backoff], Awaitable[aiohttp.ClientWebSocketResponse]]
Hear = Callable[[Envelope, Callable[[], Awaitable[None]]], Awaitable[None]]
Told = Callable[[int], Awaitable[None]]
log = logging.getLogger(__name__)


class Connections:
    """The sockets of one bot.

    `opening` opens one. `hear` is called with each envelope and a function to acknowledge it,
    `told` with the number of connections that Slack counts.
    """

    def __init__(
        self, opening: Opening, hear: Hear, told: Told, timing: Timing, sockets: set[Socket]
    ) -> None:
        self.opening = opening
        self.hear = hear
        self.told = told
        self.timing = timing
        self.sockets = sockets
        self._mine: set[Socket] = set()
        self._one_at_a_time = asyncio.Lock()
        self._retiring: set[asyncio.Task[None]] = set()

    async def hold(self, number: int) -> None:
        """Keep one connection open until cancelled; raises the errors of `opening`."""
        backoff = Backoff(self.timing)
        old: Socket | None = None
        loop = asyncio.get_running_loop()
        while True:
            async with self._one_at_a_time:
                socket, hello = await self._greeted(backoff)
            if old is None and number:
                # Slack closes connections that were opened together at the same time: spread them.
                loop.call_later(number * _lifetime(hello) / CONNECTIONS, socket.end, HALF_LIFE)
            if old is not None:
                self._retire(old)
            old = await self._ended(socket, backoff)

    async def close(self) -> None:
        """Close every socket, after handling what has arrived."""
        for task in self._retiring:
            task.cancel()
        await asyncio.gather(*(self._closed(socket) for socket in set(self._mine)))

    async def _greeted(self, backoff: Backoff) -> tuple[Socket, Envelope]:
        while True:
            websocket = await self.opening(backoff)
            socket = Socket(websocket, self._heard, self.timing)
            self._mine.add(socket)
            self.sockets.add(socket)
            try:
                hello = await socket.greeted()
            except (ConnectionError, TimeoutError) as error:
                refused = isinstance(error, ConnectionError)
                log.warning("%s", error if refused else "Slack is silent on a new connection")
                self._retire(socket)
                await backoff.pause(
                    self.timing.longest_refused if refused else self.timing.longest_unreached
                )
            else:
                await self.told(_connections(hello))
                return socket, hello

    async def _ended(self, socket: Socket, backoff: Backoff) -> Socket | None:
        """Wait until a socket must be replaced; returns it if Slack will still close it."""
        born = socket.last_heard
        await asyncio.wait((socket.ended,))
        reason = socket.ended.result()
        if reason in EXPECTED:
            backoff.reset()
            return socket
        if socket.last_heard - born > self.timing.longest_refused:
            backoff.reset()
        log.warning("a connection to Slack ended: %s", reason)
        self._retire(socket)
        await backoff.pause(self._longest(reason))
        return None

    def _longest(self, reason: str) -> float:
        reached = reason not in ("closed", "silence")
        return self.timing.longest_refused if reached else self.timing.longest_unreached

    async def _heard(self, socket: Socket, envelope: Envelope) -> None:
        await self.hear(envelope, partial(self._acknowledge, socket, envelope["envelope_id"]))

    async def _acknowledge(self, first: Socket, envelope_id: str) -> None:
        """Acknowledge on the socket that the envelope came on, or on another if it is gone."""
        for socket in sorted(self._mine, key=lambda each: each is not first):
            if socket.open:
                try:
                    await socket.acknowledge(envelope_id)
                except ConnectionError as error:
                    log.info("an acknowledgement is sent on another connection: %s", error)
                else:
                    return
        log.warning("an envelope could not be acknowledged: no connection is left")

    def _retire(self, socket: Socket) -> None:
        task = asyncio.ensure_future(self._retired(socket))
        self._retiring.add(task)
        task.add_done_callback(self._retiring.discard)

    async def _retired(self, socket: Socket) -> None:
        await socket.retire()
        self._forget(socket)

    async def _closed(self, socket: Socket) -> None:
        await socket.close()
        self._forget(socket)

    def _forget(self, socket: Socket) -> None:
        self._mine.discard(socket)
        self.sockets.discard(socket)


def _connections(hello: Mapping[str, Any]) -> int:
    """Return how many connections Slack counts, 0 if it gives no sensible number."""
    told = hello.get("num_connections")
    return told if isinstance(told, int) and 0 < told < _NO_COUNT else 0


def _lifetime(hello: Mapping[str, Any]) -> float:
    """Return the planned life of a connection in seconds, five hours if Slack gives none."""
    info = hello.get("debug_info")
    told = info.get("approximate_connection_time") if isinstance(info, Mapping) else None
    if isinstance(told, int | float) and 0 < told < _NO_LIFETIME:
        return float(told)
    return 18_000.0
