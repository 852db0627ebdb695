"""Keep subscribed channels up to date: one message for each group of alerts, edited in place.

    the watcher's notice, or a while without one
        └──> what each channel should show now
               ├──> one after the other in each channel: post what is missing, then its thread
               └──> one after the other in all channels: edit what is out of date

Every process does this, so that any one that is running is enough. They share the places that
Slack's limits leave (bot.slack.rate_limit). Who has a place takes the most urgent step that is
left by then (bot.slack.alert_work), and the database decides that nobody else does the same
(bot.slack.alert_store).
"""

import asyncio
import logging
from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial

from django.db import DatabaseError

from bot.channel_messages import ChannelMessage, channel_messages
from bot.models import AlertMessage, State
from bot.slack import alert_store
from bot.slack.alert_work import Work, next_edit, next_post
from bot.slack.api_errors import DEAD_TOKEN
from bot.slack.blocks import slack_messages
from bot.slack.post_claim import PostClaim, TakenOverError
from bot.slack.sender import Sender, Sent
from ops.actor import OPSPORTAL
from ops.database import in_database
from ops.errors import OpsError
from ops.subscriptions import actions as subscriptions
from ops.subscriptions.actions import AllPosted, Feeds, Subscription
from ops.watch import notices
from ops.watch.notices import Notice

SUBJECTS = ("", "alerts", "notifications", "subscriptions")
GATHER = 0.05  # seconds: several notices often come together
AWAY = 5.0  # seconds for which a Slack that cannot be reached is left alone
LAST_CALL_SECONDS = 3.0
DELETED = "message_not_found"
_EDITS = ""  # among channels: edits, which all channels share
# Slack's refusals that are about one message, which is then left as it is.
_OF_ONE_MESSAGE = ("cant_update_message", "edit_window_closed", "msg_too_long", "invalid_blocks")
Ask = Callable[[AllPosted], Awaitable[Feeds]]
Find = Callable[[], Awaitable[Work | None]]
_PROBLEMS = {
    "is_archived": "the channel is archived",
    "not_in_channel": "the bot is not a member of the channel: invite it",
    "channel_not_found": "Slack has no such channel, or it is private and the bot is not a member",
}
log = logging.getLogger(__name__)


def _problem(error: str) -> str:
    return f"Slack refuses messages in the channel: {error}"


async def _wanted(posted: AllPosted) -> Feeds:
    return await subscriptions.wanted(OPSPORTAL, posted=posted)


class AlertMessages:
    """The messages about alerts, as one bot process, `holder`, keeps them."""

    def __init__(self, sender: Sender, holder: str, ask: Ask = _wanted) -> None:
        self.sender = sender
        self.holder = holder
        self._ask = ask
        self._wanted: dict[str, list[ChannelMessage]] = {}
        self._news = asyncio.Event()
        self._looking = asyncio.Lock()
        self._subscriptions: list[Subscription] = []
        self._numbers: dict[int, int] = {}
        self._working: dict[str, asyncio.Task[None]] = {}  # by channel, and _EDITS
        self._started: Counter[str] = Counter()

    async def keep(self, seconds: float) -> None:
        """Look at each notice, and after so many seconds without one, until cancelled."""
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(notices.listen(self._hear))
                group.create_task(self._look_often(seconds))
        finally:
            await self.stop()

    async def _look_often(self, seconds: float) -> None:
        while True:
            try:
                await self.look()
            except (DatabaseError, OpsError) as error:
                log.warning("subscribed channels could not be updated: %s", error)
            except Exception:
                log.exception("subscribed channels could not be updated")
            with suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    await self._news.wait()
            await asyncio.sleep(GATHER)

    async def look(self) -> None:
        """See what the channels should show now, and start what is to be done about it."""
        async with self._looking:
            await self._look()
        for channel in (_EDITS, *self._wanted):
            self._start(channel)

    async def _look(self) -> None:
        self._news.clear()
        known = await in_database(alert_store.known, self._now())
        feeds = await self._ask(known.posted)
        messages = channel_messages(feeds)
        self._subscriptions = [feed.subscription for feed in feeds.feeds]
        read = [each.id for each in self._subscriptions]
        await in_database(alert_store.settle, messages, known.posted, read, self._now())
        closed = await in_database(alert_store.closed, self._now())
        wanted: dict[str, list[ChannelMessage]] = defaultdict(list)
        for each in messages:
            wanted[each.channel].append(each)
        self._wanted = {name: wanted[name] for name in wanted if name not in closed}
        self._numbers = known.numbers

    @property
    def at_work(self) -> int:
        """How many channels are being worked on; the edits of all count as one."""
        return len(self._working)

    async def finish(self) -> None:
        """Wait until nothing is left to be done."""
        while self._working:
            await asyncio.wait([*self._working.values()])

    async def stop(self) -> None:
        """Let calls in progress finish, so that their results are known, and stop."""
        while working := [*self._working.values()]:
            for task in working:
                task.cancel()
            await asyncio.wait(working)

    def _hear(self, notice: Notice) -> None:
        if notice.subject in SUBJECTS:
            self._news.set()

    def _start(self, channel: str) -> None:
        """Work on a channel, or on edits; whoever does already looks once more before ending."""
        self._started[channel] += 1
        working = self._working.get(channel)
        if working and not working.done():
            return
        find = partial(self._next_post, channel) if channel else self._next_edit
        task = asyncio.ensure_future(self._work(channel, find))
        self._working[channel] = task
        task.add_done_callback(partial(self._end, channel))

    def _end(self, channel: str, task: asyncio.Task[None]) -> None:
        if self._working.get(channel) is task:
            del self._working[channel]

    async def _work(self, channel: str, find: Find) -> None:
        """Do one step after the other until nothing is left."""
        try:
            while True:
                started = self._started[channel]
                if await find():
                    await self.sender.wait_for_place(channel)
                    # By now another step may be more urgent, or somebody else has done it.
                    if work := await find():
                        await self._whole(self._do(work, channel))
                elif started == self._started[channel]:
                    return
        except Exception:
            log.exception("a subscribed channel could not be updated")

    async def _whole(self, step: Awaitable[None]) -> None:
        """Do a step; if cancelled, let a call that has started finish, so its result is known."""
        doing = asyncio.ensure_future(step)
        try:
            await asyncio.shield(doing)
        except asyncio.CancelledError:
            await asyncio.wait((doing,), timeout=LAST_CALL_SECONDS)
            doing.cancel()
            raise

    async def _next_post(self, channel: str) -> Work | None:
        """Return what to post next; look again first if another process has posted something."""
        wanted = self._wanted.get(channel, [])
        theirs = {each.subscription for each in wanted}
        numbers = await in_database(alert_store.numbers, theirs)
        if any(numbers.get(each, 0) != self._numbers.get(each, 0) for each in theirs):
            await self.look()
            wanted = self._wanted.get(channel, [])
        return next_post(wanted, await in_database(alert_store.rows, wanted))

    async def _next_edit(self) -> Work | None:
        wanted = [each for channel in self._wanted.values() for each in channel]
        return next_edit(wanted, await in_database(alert_store.rows, wanted), self._now())

    async def _do(self, work: Work, place: str) -> None:
        if place == _EDITS and work.row:
            sent = await self._edit(work, work.row)
        else:
            sent = await self._post(work)
        if sent is not None:
            await self._note(work, place, sent)

    async def _post(self, work: Work) -> Sent | None:
        """Post a message; None if another process does, or posts another one first."""
        taken: list[AlertMessage] = []
        subscription = work.wanted.subscription

        async def advance(state: State) -> bool:
            if state is not State.POSTING:
                await in_database(alert_store.take_back, taken.pop(), work.row, self._now())
                return True
            number = self._numbers.get(subscription, 0) + 1
            row = await in_database(alert_store.begin, work, number, self.holder, self._now())
            if row is None:
                return False
            taken.append(row)
            if row.number == number:
                self._numbers[subscription] = number
            return True

        [message, *_] = slack_messages(work.wanted.reply_when(work.again), most=1)
        claim = PostClaim(advance, self.sender.clock)
        try:
            sent = await self.sender.post_once((work.wanted.channel, work.thread), message, claim)
        except TakenOverError:
            return None
        if sent.state is State.ANSWERED:
            await in_database(alert_store.posted, taken[0], sent.ts, self._now())
            self._start(_EDITS)  # it may be out of date by now
        elif sent.state is State.UNKNOWN:
            await in_database(alert_store.lost, taken[0], self._now())
        return sent

    async def _edit(self, work: Work, row: AlertMessage) -> Sent | None:
        """Edit a message; None if another process does."""
        if not await in_database(alert_store.claim_edit, row, self.holder, self._now()):
            return None
        [message, *_] = slack_messages(work.wanted.reply_when(work.again), most=1)
        sent = await self.sender.replace_once(row.channel, row.ts, message)
        if sent.state is State.ANSWERED or sent.why in _OF_ONE_MESSAGE:
            await in_database(alert_store.edited, row, work.wanted, self.holder, self._now())
        elif sent.why == DELETED:
            await in_database(alert_store.deleted, row, self.holder, self._now())
            self._start(row.channel)
        else:
            await in_database(alert_store.give_back, row, self.holder, self._now())
        return sent

    async def _note(self, work: Work, place: str, sent: Sent) -> None:
        """Leave Slack alone for as long as it wants, and a channel that takes nothing for long."""
        channel = work.wanted.channel
        if sent.state is State.ANSWERED:
            await in_database(alert_store.open_again, channel)
            await self._say_problem(channel, "")
        elif sent.later or sent.state is State.UNKNOWN or sent.why in DEAD_TOKEN:
            seconds = AWAY if sent.wait is None else sent.wait
            await self.sender.back_off(place, seconds)
        elif place == _EDITS and sent.why in _OF_ONE_MESSAGE:
            log.warning("a message about alerts cannot be edited: %s", sent.why)
        elif sent.why != DELETED:
            log.warning("the channel %s takes no messages about alerts: %s", channel, sent.why)
            await in_database(alert_store.close, channel, sent.why, self._now())
            await self._say_problem(channel, _PROBLEMS.get(sent.why) or _problem(sent.why))
            self._wanted.pop(channel, None)

    async def _say_problem(self, channel: str, problem: str) -> None:
        """Let the list of subscriptions say why a channel takes nothing, "" if it does."""
        for each in self._subscriptions:
            if each.channel == channel and each.problem != problem:
                await subscriptions.note_problem(OPSPORTAL, id=each.id, problem=problem)

    def _now(self) -> datetime:
        return datetime.fromtimestamp(self.sender.clock.wall(), UTC)
