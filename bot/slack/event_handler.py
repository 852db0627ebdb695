"""Turn Slack events into answers in their threads."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from functools import partial
from typing import Any

from django.utils import timezone

from bot.batches import answer_each, commands_in
from bot.commands import registry
from bot.conversation import answer, follow_up
from bot.errors import ask_again_reply, reply_or_error
from bot.models import State
from bot.registry import Message
from bot.replies import Reply
from bot.slack.addressed import is_for_us
from bot.slack.cards import Cards
from bot.slack.conversations import Conversations
from bot.slack.delivery import Delivery
from bot.slack.direct_messages import REFUSALS, DirectMessages
from bot.slack.floods import Floods
from bot.slack.identity import find_author
from bot.slack.inbox import Inbox
from bot.slack.interactions import as_event
from bot.slack.jobs import Job
from bot.slack.mentions import Mentions
from bot.slack.post_claim import PostClaim, TakenOverError
from bot.slack.profiles import Profiles
from bot.slack.reaching import Reaching
from bot.slack.sender import Sender
from bot.slack.thread_order import ThreadOrder
from bot.slack.timed import TimedMessages
from bot.slack.timing import Timing
from bot.slack.worker_pool import WorkerPool
from bot.text import typed
from ops import metrics
from ops.actor import new_request_id
from ops.database import in_database
from ops.limits import LONGEST_TEXT

AT_ONCE = 8
SLOW = 24  # more messages, whose authors can see that the answer takes a while
SHARE = 4  # messages of one person at once
MOST_OF_ONE = 20  # messages of one person in progress or waiting
MOST_WAITING = 200  # a few minutes of answers; people who wait longer have asked again already
LAST_CALL_SECONDS = 3.0
WAITING = Reply("Working on it …")
log = logging.getLogger(__name__)


class EventHandler:
    """The bot's conversation in one workspace, in which it is the user `bot_id`."""

    def __init__(
        self,
        bot_id: str,
        profiles: Profiles,
        inbox: Inbox,
        sender: Sender,
        direct: DirectMessages,
        timing: Timing,
    ) -> None:
        self.bot_id = bot_id
        self.profiles = profiles
        self.inbox = inbox
        self.timed = TimedMessages(sender, inbox.name, Reaching(direct.web, profiles))
        self.cards = Cards(sender, inbox.name, self.timed)
        self.delivery = Delivery(sender, self.cards, self.timed)
        self.direct = direct
        self.conversations = Conversations(timing.deadlines)
        self.mentions = Mentions(timing.deadlines)
        self.timing = timing
        self.answering = WorkerPool(self._work, at_once=AT_ONCE, share=SHARE, most_slow=SLOW)
        self.order = ThreadOrder(self.answering.put, deadlines=timing.deadlines)
        self.full: datetime | None = None
        self.floods = Floods(sender, inbox.finish, self._claim, timing)

    async def receive(
        self, envelope: Mapping[str, Any], acknowledge: Callable[[], Awaitable[None]]
    ) -> None:
        """Record an envelope that is a request to the bot, acknowledge it, start answering it."""
        job, first = None, False
        try:
            done, payload = as_event(envelope), envelope.get("payload")
            if envelope.get("type") == "events_api":
                self._note_change(payload)
                if done is None and is_for_us(payload, self.bot_id):
                    done = payload
            if done is not None:
                job, first = self.inbox.take(done)
                await self.inbox.wait_until_recorded(job)
        finally:
            try:
                await acknowledge()
            finally:  # even if that failed: no other process answers what we took while we live
                if job is not None and first and not job.is_anothers:
                    self.take_in(job)

    @property
    def waiting(self) -> int:
        """The number of jobs that wait for their turn or in the pool."""
        return len(self.order.waiting) + len(self.answering.waiting)

    def take_in(self, job: Job) -> None:
        """Queue a job, or leave it unanswered if too many are waiting, of its author or in all."""
        theirs = self.answering.count(job.author)
        theirs += sum(each.author == job.author for each in self.order.waiting)
        if theirs >= MOST_OF_ONE:
            self._leave(job)
        elif len(self.order.waiting) + len(self.answering) < AT_ONCE + MOST_WAITING:
            self.order.put(job)
        else:
            self.full = timezone.now()
            self._leave(job)

    def _leave(self, job: Job) -> None:
        """Leave a job unanswered, and say so if it was addressed to the bot."""
        if job.is_overheard:
            self.inbox.finish(job, State.ANSWERED)
        else:
            self.floods.add(job)

    async def keep_leases(self, seconds: float) -> None:
        """Renew this process's leases and take over abandoned jobs, until cancelled.

        Jobs that wait for their turn take up no room, because they may wait for an abandoned
        one. Abandoned jobs are never turned away, because another process may have started them.
        """
        while True:
            room = max(0, AT_ONCE + MOST_WAITING - len(self.answering))
            for job in await self.inbox.pick_up(room):
                self.order.put(job)
            await asyncio.sleep(seconds)

    async def finish(self) -> None:
        """Give the answers in progress a short time to finish, then cancel them."""
        await self.order.start_ready()
        grace = self.timing.grace
        await asyncio.gather(self.answering.finish(grace), self.floods.finish(grace))

    def _note_change(self, payload: object) -> None:
        """Refetch the profile of a user Slack reports as changed."""
        event = payload.get("event") if isinstance(payload, dict) else None
        if isinstance(event, dict) and event.get("type") == "user_change":
            user = event.get("user")
            self.profiles.note_change(user.get("id") if isinstance(user, dict) else None)

    async def _work(self, job: Job) -> None:
        new_request_id()
        started = time.perf_counter()
        replying = asyncio.ensure_future(reply_or_error(self._replies(job)))
        try:
            await self._wait(job, replying)
            found = await replying
        finally:
            replying.cancel()  # in case we were cancelled while waiting
        replies = [found] if isinstance(found, Reply) else found
        if not replies:
            return
        failed = all(reply.failed for reply in replies)
        metrics.requests.labels("slack", "failed" if failed else "ok").inc()
        metrics.request_seconds.labels("slack").observe(time.perf_counter() - started)
        await self._say(job, replies)

    async def _wait(self, job: Job, replying: asyncio.Future[Reply | list[Reply]]) -> None:
        """Wait for a reply; if it takes long, post in the thread that it is in progress."""
        done, _ = await asyncio.wait((replying,), timeout=self.timing.placeholder)
        if done:
            return
        self.answering.note_slow(job)
        if job.row.placeholder or job.is_overheard:
            return
        note = partial(self.inbox.hold_place, job)
        holding = asyncio.ensure_future(
            self.delivery.hold(job, WAITING, lambda: not replying.done(), note)
        )
        try:
            await asyncio.wait((holding, replying), return_when=asyncio.FIRST_COMPLETED)
            if not holding.done():
                self.answering.free_slot(job)
            await holding
        except Exception:
            log.exception("a placeholder could not be posted")
        finally:
            holding.cancel()

    async def _replies(self, job: Job) -> list[Reply]:
        """Return the replies, none if another process gives them."""
        lines = await self._lines(job)
        text = lines[0] if len(lines) == 1 else ""  # several lines make no change
        if job.abandoned and registry.asks_again(text):
            job.outcome = State.ASKED
            return [ask_again_reply(text)]
        # A change needs proof in the database that it is ours; a read may be answered twice.
        if not await self.inbox.advance(job, State.WORKING, surely=registry.changes(text)):
            return []
        await self.mentions.note(job)
        profile = await self.profiles.of_author(job.event, job.row.team)
        origin = {
            "slack_user": profile.user_id,
            "slack_team": profile.team_id,
            "channel": job.row.channel,
            "ts": str(job.event["ts"]),
            "event_id": job.row.event_id,
        }
        author = await in_database(find_author, profile, origin)
        message = Message(
            author.actor, text, job.event, author.stranger, author.newcomer, profile.zone
        )
        if len(lines) > 1:
            replies = await answer_each(message, lines, registry)
        elif job.is_overheard:
            reply = await follow_up(message, registry, await self.conversations.recall(job))
            if reply is None:
                self.inbox.finish(job, State.ANSWERED)  # people talk to each other
                return []
            replies = [reply]
        else:
            replies = [await answer(message, registry, await self.conversations.recall(job))]
        await self.conversations.remember(job, replies)
        return replies

    async def _lines(self, job: Job) -> list[str]:
        """Return the commands of a message, read in a thread if it is long.

        Slack allows 40,000 characters.
        """
        if len(job.row.payload) > LONGEST_TEXT:
            return await asyncio.to_thread(self._read, job)
        return self._read(job)

    def _read(self, job: Job) -> list[str]:
        return commands_in(typed(job.event, self.bot_id), registry)

    async def _say(self, job: Job, replies: list[Reply]) -> None:
        """Post the replies, unless another process has taken it over.

        If cancelled, let a call that has started finish, so that its result is known.
        """
        self.answering.free_slot(job)  # from here on it waits for Slack only
        claim = self._claim(job)
        saying = asyncio.ensure_future(self._deliver(job, replies, claim))
        try:
            await asyncio.shield(saying)
        except asyncio.CancelledError:
            if claim.posting:
                await asyncio.wait((saying,), timeout=LAST_CALL_SECONDS)
            saying.cancel()
            raise

    def _claim(self, job: Job) -> PostClaim:
        return PostClaim(partial(self.inbox.advance, job), self.timing.clock, job.author)

    async def _deliver(self, job: Job, replies: list[Reply], claim: PostClaim) -> None:
        try:
            if replies[0].private and not job.is_direct:
                replies = [await self.direct.say(str(job.event["user"]), replies[0], claim)]
            state = await self.delivery.say(job, replies, claim)
            if state is State.FAILED and claim.refused in REFUSALS and not job.is_direct:
                state = await self.direct.say_instead(job, replies, claim)
        except TakenOverError:
            return
        except Exception:
            log.exception("an answer could not be posted")
            # With a claim, part of the answer may be in Slack.
            state = State.UNKNOWN if claim.posting else State.FAILED
        self.inbox.finish(job, job.outcome if state is State.ANSWERED else state)
