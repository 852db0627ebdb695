"""From an event of Slack to an answer in its thread."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from typing import Any, TypeGuard

import aiohttp
from cachetools import TTLCache
from django.utils import timezone
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from bot.blocks import slack_messages
from bot.commands import registry
from bot.errors import ask_again_reply, busy_reply, reply_or_error
from bot.identity import Profile, find_actor, read_profile
from bot.inbox import Inbox
from bot.letters import Event, Letter
from bot.models import LOST_PLACE, State
from bot.patience import Patience
from bot.pool import Pool
from bot.refusals import error_code
from bot.registry import Message
from bot.replies import Reply
from bot.sender import Sender
from bot.text import clean
from bot.turns import Turns
from ops import metrics
from ops.actor import new_request_id
from ops.database import in_database
from ops.errors import BackendUnavailable

AT_ONCE = 8
MOST_WAITING = 200
PROFILE_SECONDS = 600
GRACE_SECONDS = 5
WAITING = Reply("I am on it: this takes a moment …")
_HUMAN_SUBTYPES = (None, "file_share", "thread_broadcast")
_INVISIBLE = ("user_not_found", "user_not_visible")
log = logging.getLogger(__name__)


class Conversation:
    """What the bot hears and says in one workspace, where it is the user `bot_id`."""

    def __init__(
        self,
        web: AsyncWebClient,
        team_id: str,
        bot_id: str,
        inbox: Inbox,
        sender: Sender,
        patience: Patience,
    ) -> None:
        self.web = web
        self.team_id = team_id
        self.bot_id = bot_id
        self.inbox = inbox
        self.sender = sender
        self.patience = patience
        self.profiles: TTLCache[str, Profile] = TTLCache(maxsize=10_000, ttl=PROFILE_SECONDS)
        self.pool = Pool(self._work, at_once=AT_ONCE, most_waiting=AT_ONCE + MOST_WAITING)
        self.turns = Turns(self.pool.put)
        self.full: datetime | None = None
        self.door = Pool(self._turn_away, at_once=1, most_waiting=10 * MOST_WAITING)

    async def hear(
        self, envelope: Mapping[str, Any], acknowledge: Callable[[], Awaitable[None]]
    ) -> None:
        """Record an envelope that is a message to us, acknowledge it, and start answering it."""
        letter, first = None, False
        try:
            payload = envelope.get("payload")
            if envelope.get("type") == "events_api" and self._is_for_us(payload):
                letter, first = self.inbox.take(payload)
                await self.inbox.keep(letter)
        finally:
            await acknowledge()
        if letter is not None and first and not letter.is_anothers:
            self.take_in(letter)

    @property
    def waiting(self) -> int:
        """How many letters wait, for their turn or in the pool."""
        return len(self.turns.waiting) + len(self.pool.waiting)

    @property
    def room(self) -> int:
        """How many letters more can be taken in."""
        return AT_ONCE + MOST_WAITING - self.waiting - len(self.pool.working)

    def take_in(self, letter: Letter) -> None:
        """Have a letter answered; when too many wait, with the request to come again."""
        if self.room > 0:
            self.turns.put(letter)
            return
        self.full = timezone.now()
        if not self.door.put(letter):
            log.warning("so many wait even to be told so that a message stays without an answer")
            self.inbox.finish(letter, State.FAILED)

    async def tend(self, seconds: float) -> None:
        """Keep what this process holds and take over what others left, until cancelled."""
        while True:
            for letter in await self.inbox.pick_up(self.room):
                self.take_in(letter)
            await asyncio.sleep(seconds)

    async def finish(self) -> None:
        """Let the answers that are under way end, but not for long."""
        await self.turns.give_once()
        await asyncio.gather(self.pool.finish(GRACE_SECONDS), self.door.finish(GRACE_SECONDS))

    def _is_for_us(self, payload: object) -> TypeGuard[Event]:
        """A person's mention of us or direct message, but no edited one."""
        event = payload.get("event") if isinstance(payload, dict) else None
        if not isinstance(event, dict) or not (event.get("channel") and event.get("ts")):
            return False
        direct = event.get("type") == "message" and event.get("channel_type") == "im"
        return (
            (direct or event.get("type") == "app_mention")
            and event.get("subtype") in _HUMAN_SUBTYPES
            and event.get("user") not in (None, "", self.bot_id)
            and not event.get("bot_id")
            and not event.get("edited")
        )

    async def _work(self, letter: Letter) -> None:
        new_request_id()
        started = time.perf_counter()
        replying = asyncio.ensure_future(reply_or_error(self._reply(letter)))
        try:
            await self._wait(letter, replying)
            reply = await replying
        finally:
            replying.cancel()  # we may be cancelled while we wait
        if reply is None:
            return
        metrics.requests.labels("slack", "failed" if reply.failed else "ok").inc()
        metrics.request_seconds.labels("slack").observe(time.perf_counter() - started)
        await self._say(letter, reply)

    async def _wait(self, letter: Letter, replying: asyncio.Future[Reply | None]) -> None:
        """Wait for a reply; when it takes long, say in the thread that it is being looked for."""
        done, _ = await asyncio.wait((replying,), timeout=self.patience.placeholder)
        if done or letter.row.placeholder:
            return
        [message] = slack_messages(WAITING)
        await self.inbox.hold_place(letter, LOST_PLACE)  # who is killed now leaves it so
        try:
            ts = await self.sender.hold_place(letter.thread, message)
        except Exception:
            log.exception("a placeholder could not be posted")
        else:
            await self.inbox.hold_place(letter, ts)

    async def _turn_away(self, letter: Letter) -> None:
        await self._say(letter, busy_reply(MOST_WAITING))

    async def _reply(self, letter: Letter) -> Reply | None:
        """Return the reply, None when it is another process's to give."""
        text = clean(letter.event, self.bot_id)
        changes = registry.changes(text)
        if letter.abandoned and changes:
            letter.outcome = State.ASKED
            return ask_again_reply(text)
        if not await self.inbox.advance(letter, State.WORKING, surely=changes):
            return None
        user = str(letter.event["user"])
        origin = {
            "slack_user": user,
            "slack_team": letter.row.team,
            "channel": letter.row.channel,
            "ts": letter.row.ts,
            "event_id": letter.row.event_id,
        }
        actor, stranger = await in_database(find_actor, await self._profile(user), origin)
        return await registry.answer(Message(actor, text, letter.event, stranger))

    async def _say(self, letter: Letter, reply: Reply) -> None:
        """Post a reply, unless another process has come before us."""
        if not await self.inbox.advance(letter, State.POSTING):
            return
        try:
            state = await self.sender.say(
                letter.thread, slack_messages(reply), letter.row.placeholder
            )
        except Exception:
            log.exception("an answer could not be posted")
            state = State.FAILED
        self.inbox.finish(letter, letter.outcome if state is State.ANSWERED else state)

    async def _profile(self, user: str) -> Profile:
        if (known := self.profiles.get(user)) is None:
            known = self.profiles[user] = await self._ask_profile(user)
        return known

    async def _ask_profile(self, user: str) -> Profile:
        try:
            answer = await self.web.users_info(user=user)
        except SlackApiError as error:
            if error_code(error) in _INVISIBLE:
                return Profile(user, self.team_id, user, "", "Slack does not say who you are")
            raise _unknown_user(error_code(error)) from error
        except (aiohttp.ClientError, TimeoutError) as error:
            raise _unknown_user(str(error) or "no answer in time") from error
        return read_profile(answer["user"], self.team_id)


def _unknown_user(reason: str) -> BackendUnavailable:
    return BackendUnavailable(
        f"Slack did not say who you are ({reason}), so nothing was done; try again",
        backend="Slack",
    )
