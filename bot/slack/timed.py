"""Announce the end of timed changes where they were asked for: a warning, and the end itself.

    remember() ──> due: warn_at ──> "15 minutes more?" in the thread ──> due: the end
                                                                          └──> the message is
    due: the end, if nobody could warn before it ─────────────────────────────> replaced
    another change ends it before its time ─────────────────────> within seconds

Every process looks, so that any one that is running is enough; a lease decides which of them
speaks. That it has spoken is recorded right before the call, as for answers: a warning whose
process is killed in the call is not repeated, and none is sent after the end.
"""

import asyncio
import logging
from datetime import datetime, timedelta

from django.utils import timezone

from bot.answers.endings import ended, warning
from bot.models import State, TimedMessage
from bot.replies import Reply, Timed
from bot.slack import timed_store
from bot.slack.blocks import SlackMessage, slack_messages
from bot.slack.post_claim import PostClaim, TakenOverError
from bot.slack.sender import Sender
from bot.slack.timed_store import Said
from ops.actor import OPSPORTAL
from ops.database import in_database
from ops.sampling import actions as sampling
from ops.sampling.actions import Ending
from ops.sampling.ending import SETTLED

AGAIN = timedelta(seconds=5)
log = logging.getLogger(__name__)


class TimedMessages:
    """The messages that show timed changes, as one bot process, `holder`, keeps them."""

    def __init__(self, sender: Sender, holder: str) -> None:
        self.sender = sender
        self.holder = holder

    async def remember(self, timed: Timed, channel: str, thread: str, ts: str) -> None:
        """Record that a message shows a timed change, "" for a ts that is not known (yet)."""
        await in_database(timed_store.remember, timed, channel, thread, ts, timezone.now())

    async def keep(self, seconds: float) -> None:
        """Say what is due, until cancelled."""
        while True:
            try:
                await self.look(timezone.now())
            except Exception:
                log.exception("the ends of timed changes could not be announced")
            await asyncio.sleep(seconds)

    async def look(self, now: datetime) -> None:
        """Say what is due at a moment."""
        rows = [*await in_database(timed_store.due, now), *await self._ended_early(now)]
        if not rows:
            return
        found = await sampling.endings(OPSPORTAL, revisions=[row.revision for row in rows])
        for row in rows:
            if await in_database(timed_store.claim, row, self.holder, now):
                await self._say(row, found.get(row.revision), now)
                await in_database(timed_store.release, row, self.holder, now)

    async def _ended_early(self, now: datetime) -> list[TimedMessage]:
        """Return the messages whose change another one has ended."""
        waiting = await in_database(timed_store.waiting, now)
        if not waiting:
            return []
        ended = await sampling.superseded(OPSPORTAL, revisions=[row.revision for row in waiting])
        return [row for row in waiting if row.revision in ended]

    async def _say(self, row: TimedMessage, ending: Ending | None, now: datetime) -> None:
        if ending is None or ending.change.until is None:
            await self._note(row, Said.ENDED, now)
        elif ending.is_over(now):
            await self._end(row, ending, now)
        elif row.said == Said.NOTHING:
            await self._warn(row, ending, ending.change.until, now)

    async def _warn(
        self, row: TimedMessage, ending: Ending, until: datetime, now: datetime
    ) -> None:
        async def advance(state: State) -> bool:
            if state is not State.POSTING:
                return await self._note(row, Said.NOTHING, now + AGAIN)
            return timezone.now() < until and await self._note(row, Said.WARNED, until)

        try:
            sent = await self.sender.post(
                (row.channel, row.thread), _message(warning(ending.change)), PostClaim(advance)
            )
        except TakenOverError:
            return  # it has ended meanwhile, or another process has taken it over
        if sent.state is State.FAILED and not sent.later:
            await self._note(row, Said.WARNED, until)  # Slack will never take it

    async def _end(self, row: TimedMessage, ending: Ending, now: datetime) -> None:
        until = ending.change.until or now
        waits = ending.successor is None and not ending.is_settled and now < until + SETTLED
        if not waits and row.ts:
            sent = await self.sender.replace(row.channel, row.ts, _message(ended(ending)))
            waits = sent.later
        if waits:
            await self._note(row, row.said, now + AGAIN)
        else:
            await self._note(row, Said.ENDED, now)

    async def _note(self, row: TimedMessage, said: str, due: datetime) -> bool:
        return await in_database(timed_store.note, row, self.holder, said, due)


def _message(reply: Reply) -> SlackMessage:
    return slack_messages(reply)[0]
