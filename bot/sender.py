"""What the bot says reaches Slack in order, as fast as Slack lets, and never twice.

Each channel is one queue: an answer's messages stay together, and a channel that Slack limits
holds up no other. A message whose answer is lost may stand there or not: it is not sent again,
as nobody likes to read a change confirmed twice. Replacing one's own message can be repeated.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any
from weakref import WeakValueDictionary

import aiohttp
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from bot.blocks import SlackMessage
from bot.models import LOST_PLACE, State
from bot.pace import Limit, Limits, Pacer
from bot.refusals import error_code, retry_after

TRIES = 4
_BLOCKS_REFUSED = ("invalid_blocks", "invalid_blocks_format", "msg_blocks_too_long")
_LATER = ("ratelimited", "rate_limited")
_THEIR_FAULTS = ("fatal_error", "internal_error")
_BEST_FIRST = (State.ANSWERED, State.FAILED, State.UNKNOWN)
_EVERYWHERE = "workspace"
_REPLACING = "chat.update"
log = logging.getLogger(__name__)


class Fate(Enum):
    """What became of a call that did not go well: `LATER` Slack surely did nothing yet."""

    BLOCKS_REFUSED = auto()
    LATER = auto()
    LOST = auto()
    REFUSED = auto()


@dataclass(frozen=True, slots=True)
class Sent:
    """How a message ended: ANSWERED, FAILED or UNKNOWN; its ts, "" where there is none."""

    state: State
    ts: str = ""


class Sender:
    """Writes into one workspace."""

    def __init__(self, web: AsyncWebClient, limits: Limits) -> None:
        self.web = web
        self.limits = limits
        self.pacer = Pacer()
        self._queues: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def say(
        self, thread: tuple[str, str], messages: Sequence[SlackMessage], placeholder: str = ""
    ) -> State:
        """Post an answer into a thread; the first message replaces the placeholder, by its ts.

        Returns ANSWERED, or the worst of how its messages ended.
        """
        if placeholder == LOST_PLACE:
            placeholder = ""
        async with self._queue(thread[0]):
            states = [State.ANSWERED]
            for message in messages:
                sent = await self._replaced(thread, message, placeholder) if placeholder else None
                placeholder = ""
                states.append((sent or await self._post(thread, message)).state)
        return max(states, key=_BEST_FIRST.index)

    async def hold_place(self, thread: tuple[str, str], message: SlackMessage) -> str:
        """Post what an answer will replace.

        Returns its ts, "" where there is none as the channel is busy, LOST_PLACE for a lost one.
        """
        queue = self._queue(thread[0])
        if queue.locked():
            return ""
        async with queue:
            sent = await self._post(thread, message)
        return LOST_PLACE if sent.state is State.UNKNOWN else sent.ts

    def _queue(self, channel: str) -> asyncio.Lock:
        return self._queues.setdefault(channel, asyncio.Lock())

    async def _post(self, thread: tuple[str, str], message: SlackMessage) -> Sent:
        channel, thread_ts = thread

        def post(content: dict[str, Any]) -> Awaitable[Any]:
            return self.web.chat_postMessage(
                channel=channel,
                thread_ts=thread_ts,
                parse="none",
                link_names=False,
                unfurl_links=False,
                unfurl_media=False,
                **content,
            )

        paces = ((_EVERYWHERE, self.limits.workspace), (channel, self.limits.channel))
        return await self._persist(post, message, paces, repeatable=False)

    async def _replaced(
        self, thread: tuple[str, str], message: SlackMessage, ts: str
    ) -> Sent | None:
        """None where Slack does not let the message be replaced: it is gone, or not ours."""

        def update(content: dict[str, Any]) -> Awaitable[Any]:
            return self.web.chat_update(channel=thread[0], ts=ts, parse="none", **content)

        paces = ((_REPLACING, self.limits.replacing),)
        sent = await self._persist(update, message, paces, repeatable=True)
        return None if sent.state is State.FAILED else sent

    async def _persist(
        self,
        call: Callable[[dict[str, Any]], Awaitable[Any]],
        message: SlackMessage,
        paces: Sequence[tuple[str, Limit]],
        *,
        repeatable: bool,
    ) -> Sent:
        """Call until it is done; one that may be done already only where it is `repeatable`."""
        blocks = list(message.blocks)
        for _ in range(TRIES):
            for key, limit in paces:
                await asyncio.sleep(await self.pacer.turn(key, limit))
            try:
                answer = await call({"text": message.text, "blocks": blocks or None})
                return Sent(State.ANSWERED, str(answer["ts"]))
            except (SlackApiError, aiohttp.ClientError, TimeoutError) as error:
                fate, reason = _fate(error)
                log.warning("a message is not surely in Slack (%s): %s", fate.name.lower(), reason)
                asked = retry_after(error)
            if fate is Fate.BLOCKS_REFUSED and blocks:
                blocks = []
            elif fate is Fate.LATER:
                await self.pacer.back_off(*paces[-1], 1.0 if asked is None else asked)
            elif not (fate is Fate.LOST and repeatable):
                break
        return Sent(State.UNKNOWN if fate is Fate.LOST else State.FAILED)


def _fate(error: Exception) -> tuple[Fate, str]:
    """What became of a call that raised this, and why."""
    if not isinstance(error, SlackApiError):
        later = isinstance(error, aiohttp.ClientConnectorError)
        return Fate.LATER if later else Fate.LOST, str(error) or "no answer in time"
    code = error_code(error)
    if code in _BLOCKS_REFUSED:
        return Fate.BLOCKS_REFUSED, code
    if code in _LATER or retry_after(error) is not None:
        return Fate.LATER, code
    if code in _THEIR_FAULTS or code.startswith("HTTP 5"):
        return Fate.LOST, code
    return Fate.REFUSED, code
