"""Several connections to Slack, each with its next connection open before the old one closes.

Slack ends every connection after some hours. It announces that, and sends events on any open
connection, so a new one can be ready in time:

    connection 1   hello ====== disconnect: refresh_requested == closed by Slack
    its successor                  connect, hello ======================================
    connection 2         hello ========= half its life is over == closed by us
    its successor                           connect, hello ==============================

Two connections, one of them replaced halfway through its first life, so that Slack does not end
both at the same moment. One is opened at a time, so that the count in its hello can be compared
with how many we have.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from functools import partial
from typing import Any

import aiohttp

from bot.slack.connection import EXPECTED, HALF_LIFE, Connection, Envelope
from bot.slack.timing import Backoff, Timing

CONNECTIONS = 2
_NO_COUNT = 1_000  # Slack allows ten
_NO_LIFETIME = 1e6
Connect = Callable[[Backoff], Awaitable[aiohttp.ClientWebSocketResponse]]
OnEnvelope = Callable[[Envelope, Callable[[], Awaitable[None]]], Awaitable[None]]
OnCount = Callable[[int], Awaitable[None]]
log = logging.getLogger(__name__)


class SocketModeClient:
    """The connections of one bot.

    `connect` opens one. `on_envelope` gets each envelope and a function that acknowledges it,
    `on_count` the number of connections that Slack counts.
    """

    def __init__(
        self,
        connect: Connect,
        on_envelope: OnEnvelope,
        on_count: OnCount,
        timing: Timing,
        connections: set[Connection],
    ) -> None:
        self.connect = connect
        self.on_envelope = on_envelope
        self.on_count = on_count
        self.timing = timing
        self.connections = connections
        self._mine: set[Connection] = set()
        self._one_at_a_time = asyncio.Lock()
        self._background: set[asyncio.Task[None]] = set()

    async def hold(self, number: int) -> None:
        """Keep one connection open until cancelled; raises the errors of `connect`."""
        backoff = Backoff(self.timing)
        old: Connection | None = None
        while True:
            async with self._one_at_a_time:
                connection, hello = await self._greeted(backoff)
            if old is None and number:
                # Slack closes connections that were opened together at the same time: spread them.
                self._in_background(
                    self._end_later(connection, number * _lifetime(hello) / CONNECTIONS)
                )
            if old is not None:  # only now, when its successor can receive
                self._retire(old)
            old = await self._ended(connection, backoff)

    async def close(self) -> None:
        """Close every connection, after handling what has arrived."""
        for task in self._background:
            task.cancel()
        await asyncio.gather(*(self._closed(connection) for connection in set(self._mine)))

    async def _greeted(self, backoff: Backoff) -> tuple[Connection, Envelope]:
        while True:
            websocket = await self.connect(backoff)
            connection = Connection(websocket, self._received, self.timing)
            self._mine.add(connection)
            self.connections.add(connection)
            try:
                hello = await connection.greeted()
            except (ConnectionError, TimeoutError) as error:
                refused = isinstance(error, ConnectionError)
                log.warning("%s", error if refused else "Slack is silent on a new connection")
                self._retire(connection)
                await backoff.pause(
                    self.timing.longest_refused if refused else self.timing.longest_unreached
                )
            else:
                await self.on_count(_connections(hello))
                return connection, hello

    async def _ended(self, connection: Connection, backoff: Backoff) -> Connection | None:
        """Wait until a connection must be replaced; returns it if Slack will still close it."""
        born = connection.last_heard
        await asyncio.wait((connection.ended,))
        reason = connection.ended.result()
        if reason in EXPECTED:
            backoff.reset()
            return connection
        # It worked for a while, so this is a new problem and not the previous one going on.
        if connection.last_heard - born > self.timing.longest_refused:
            backoff.reset()
        log.warning("a connection to Slack ended: %s", reason)
        self._retire(connection)
        await backoff.pause(self._longest(reason))
        return None

    def _longest(self, reason: str) -> float:
        reached = reason not in ("closed", "silence")
        return self.timing.longest_refused if reached else self.timing.longest_unreached

    async def _received(self, connection: Connection, envelope: Envelope) -> None:
        await self.on_envelope(
            envelope, partial(self._acknowledge, connection, envelope["envelope_id"])
        )

    async def _acknowledge(self, first: Connection, envelope_id: str) -> None:
        """Acknowledge on the connection that the envelope came on, or on another if it is gone."""
        for connection in sorted(self._mine, key=lambda each: each is not first):
            if connection.open:
                try:
                    await connection.acknowledge(envelope_id)
                except ConnectionError as error:
                    log.info("an acknowledgement is sent on another connection: %s", error)
                else:
                    return
        log.warning("an envelope could not be acknowledged: no connection is left")

    async def _end_later(self, connection: Connection, seconds: float) -> None:
        await self.timing.clock.sleep(seconds)
        connection.end(HALF_LIFE)

    def _retire(self, connection: Connection) -> None:
        self._in_background(self._retired(connection))

    def _in_background(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.ensure_future(work)
        self._background.add(task)
        task.add_done_callback(self._background.discard)

    async def _retired(self, connection: Connection) -> None:
        await connection.retire()
        self._forget(connection)

    async def _closed(self, connection: Connection) -> None:
        await connection.close()
        self._forget(connection)

    def _forget(self, connection: Connection) -> None:
        self._mine.discard(connection)
        self.connections.discard(connection)


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
