"""A connection on which Slack reaches us: frames in, acknowledgements out.

    open --> hello --> pong --> alive --> ended: closed, silence, refresh_requested, ...
                                  |         |
                                  |         +--> retire: late frames are still handled
                                  +-- frames and pongs; without any for 20 s: silence

It is alive once Slack has sent its hello and answered a ping, and as long as frames or pongs
arrive. A successful API call proves nothing about it, nor does a hello that nothing follows.
"""

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from typing import Any

import aiohttp

from bot.slack.timing import Timing

Envelope = Mapping[str, Any]
OnEnvelope = Callable[["Connection", Envelope], Awaitable[None]]

HELLO_SECONDS = 5
CLOSE_SECONDS = 5
HALF_LIFE = "half its life is over"
ASKED = ("warning", "refresh_requested")
EXPECTED = (*ASKED, HALF_LIFE)
_CLOSE_FRAME = (1000).to_bytes(2, "big")
log = logging.getLogger(__name__)


class Connection:
    """One connection. `ended` resolves to the reason to replace it; it may still be open then."""

    def __init__(
        self, websocket: aiohttp.ClientWebSocketResponse, on_envelope: OnEnvelope, timing: Timing
    ) -> None:
        self.websocket = websocket
        self.on_envelope = on_envelope
        self.timing = timing
        self.loop = asyncio.get_running_loop()
        self.hello: asyncio.Future[Envelope] = self.loop.create_future()
        self.answered = asyncio.Event()
        self.ended: asyncio.Future[str] = self.loop.create_future()
        self.clock = timing.clock
        self.last_heard = self.clock.monotonic()
        self.closing = False
        self.handling: set[asyncio.Task[None]] = set()
        self.tasks = (asyncio.ensure_future(self._read()), asyncio.ensure_future(self._ping()))

    @property
    def open(self) -> bool:
        """Whether acknowledgements can be sent."""
        return not (self.websocket.closed or self.closing)

    @property
    def alive(self) -> bool:
        """Whether Slack reaches us on it."""
        # After an announced end Slack still sends on it, until the successor has taken over.
        going = not self.ended.done() or self.ended.result() in EXPECTED
        recent = self.silent_for < self.timing.deaf
        return self.answered.is_set() and going and recent and not self.websocket.closed

    @property
    def silent_for(self) -> float:
        """The seconds since the last frame."""
        return self.clock.monotonic() - self.last_heard

    async def greeted(self) -> Envelope:
        """Wait for Slack's hello and for an answer to a ping, and return the hello.

        Raises ConnectionError if Slack closes the connection instead, or TimeoutError.
        """
        answering = asyncio.ensure_future(self.answered.wait())
        try:
            async with asyncio.timeout(HELLO_SECONDS):
                await asyncio.wait((answering, self.ended), return_when=asyncio.FIRST_COMPLETED)
        finally:
            answering.cancel()
        if not self.answered.is_set():
            raise ConnectionError(f"Slack closed a new connection: {self.ended.result()}")
        return self.hello.result()

    def end(self, reason: str) -> None:
        """Ask for the connection to be replaced."""
        if not self.ended.done():
            self.ended.set_result(reason)

    async def acknowledge(self, envelope_id: str) -> None:
        """Send an envelope's acknowledgement; raises ConnectionError if it cannot."""
        await self.websocket.send_json({"envelope_id": envelope_id})

    async def retire(self) -> None:
        """Wait for Slack to close it, then close it; frames until then are still handled."""
        if self.ended.done() and self.ended.result() in ASKED:
            await asyncio.wait(self.tasks[:1], timeout=self.timing.linger)
        await self.close()

    async def close(self) -> None:
        """Close our direction first, so that what Slack sends meanwhile is not lost."""
        if self.alive:
            self.closing = True
            with suppress(ConnectionError, aiohttp.ClientError):
                await self.websocket.send_frame(_CLOSE_FRAME, aiohttp.WSMsgType.CLOSE)
            await asyncio.wait(self.tasks[:1], timeout=CLOSE_SECONDS)
        if self.handling:
            await asyncio.wait(self.handling, timeout=CLOSE_SECONDS)
        for task in self.tasks:
            task.cancel()
        await asyncio.wait(self.tasks)
        with suppress(TimeoutError):
            await asyncio.wait_for(self.websocket.close(), CLOSE_SECONDS)
        self.end("closed by us")

    async def _read(self) -> None:
        async for frame in self.websocket:
            self.last_heard = self.clock.monotonic()
            if self.hello.done():  # any frame after the hello proves that both directions work
                self.answered.set()
            if frame.type == aiohttp.WSMsgType.PING:
                with suppress(ConnectionError):
                    await self.websocket.pong(frame.data)
            elif frame.type == aiohttp.WSMsgType.TEXT:
                self._text(frame.data)
        self.end("closed")

    def _text(self, data: str) -> None:
        try:
            message = json.loads(data)
        except (ValueError, RecursionError):
            message = None
        if not isinstance(message, dict):
            log.warning("Slack sent a frame that is not a JSON object: %.80r", data)
        elif message.get("type") == "hello":
            if not self.hello.done():
                self.hello.set_result(message)
        elif message.get("type") == "disconnect":
            log.info("Slack is closing a connection: %s", message.get("reason"))
            self.end(str(message.get("reason")))
        elif message.get("envelope_id"):
            # A task each: a message that waits for the database must not delay the next ones.
            task = asyncio.ensure_future(self._handle(message))
            self.handling.add(task)
            task.add_done_callback(self.handling.discard)

    async def _handle(self, envelope: Envelope) -> None:
        try:
            await self.on_envelope(self, envelope)
        except Exception:
            log.exception("an envelope from Slack could not be handled")

    async def _ping(self) -> None:
        await asyncio.wait((self.hello,))
        while self.silent_for < self.timing.deaf:
            with suppress(ConnectionError):
                await self.websocket.ping(b"opsportal")
            await self.clock.sleep(self.timing.ping)
        self.end("silence")
