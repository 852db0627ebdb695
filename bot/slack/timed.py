"""Announce the end of timed changes and silences where they were made: a warning, and the end.

    remember() ──> due: warn_at ──> "1 hour more?" in the thread ──> due: the end
                    ^                                                 └──> the message is
                    └── its end was moved <── found within seconds ──────> replaced
    due: the end, if nobody could warn before it ───────────────────────────> replaced
    it ends before its time ──────────────────────────────> replaced within seconds

What was not made in Slack is warned of in a direct message to the person who made it. Every
process looks, so that any one that is running is enough; a lease decides which of them speaks.
That it has spoken is recorded right before the call, as for answers: a warning whose process is
killed in the call is not repeated, and none is sent after the end.
"""

import asyncio
import logging
from datetime import datetime, timedelta

from django.utils import timezone

from bot.endings import KINDS, Announced, Kind
from bot.models import EndingMessage, State
from bot.replies import Ends, Reply, Timed
from bot.slack import timed_store
from bot.slack.blocks import SlackMessage, slack_messages
from bot.slack.post_claim import PostClaim, TakenOverError
from bot.slack.reaching import Reaching
from bot.slack.sender import Sender
from bot.slack.timed_store import Said
from ops.actor import OPSPORTAL
from ops.database import in_database
from ops.silences import actions as silences

AGAIN = timedelta(seconds=5)
log = logging.getLogger(__name__)


class TimedMessages:
    """The messages that show what ends, as one bot process, `holder`, keeps them."""

    def __init__(self, sender: Sender, holder: str, reaching: Reaching) -> None:
        self.sender = sender
        self.holder = holder
        self.reaching = reaching

    async def remember(self, timed: Timed, channel: str, thread: str, ts: str) -> None:
        """Record that a message shows something that ends, "" for a ts that is not known (yet)."""
        await in_database(timed_store.remember, timed, channel, thread, ts, timezone.now())

    async def keep(self, seconds: float) -> None:
        """Say what is due, until cancelled."""
        while True:
            try:
                await self.look(timezone.now())
            except Exception:
                log.exception("the ends of timed changes and silences could not be announced")
            await asyncio.sleep(seconds)

    async def look(self, now: datetime) -> None:
        """Say what is due at a moment."""
        await self._take_in_others()
        for ends, kind in KINDS.items():
            await self._look(ends, kind, now)

    async def _take_in_others(self) -> None:
        """Remember the silences to warn of that no message shows: they were made elsewhere."""
        makers = await silences.to_warn_of(OPSPORTAL)
        if not makers:
            return
        for number in await in_database(timed_store.without_message, Ends.SILENCE, makers):
            if channel := await self.reaching.channel(makers[number]):
                await self.remember(Timed(Ends.SILENCE, number, timezone.now()), channel, "", "")

    async def _look(self, ends: Ends, kind: Kind, now: datetime) -> None:
        rows = [*await in_database(timed_store.due, ends, now), *await self._moved(ends, kind, now)]
        if not rows:
            return
        found = await kind.found([row.pk for row in rows], now)
        for row in rows:
            if await in_database(timed_store.claim, row, self.holder, now):
                await self._say(ends, row, found.get(row.pk), now)
                await in_database(timed_store.release, row, self.holder, now)

    async def _moved(self, ends: Ends, kind: Kind, now: datetime) -> list[EndingMessage]:
        """Return the messages of what has ended before its time, or ends at another one."""
        waiting = await in_database(timed_store.waiting, ends, now)
        if not waiting:
            return []
        moved = await kind.moved({row.pk: row.due for row in waiting}, now)
        return [row for row in waiting if row.pk in moved]

    async def _say(
        self, ends: Ends, row: EndingMessage, ending: Announced | None, now: datetime
    ) -> None:
        if ending is None:
            await self._note(row, Said.ENDED, now)
        elif ending.is_over:
            await self._end(row, ending, now)
        elif now < ending.warn_at:
            await self._note(row, Said.NOTHING, ending.warn_at)
        elif row.said == Said.NOTHING:
            await self._warn(ends, row, ending, now)
        else:
            await self._note(row, Said.WARNED, ending.until)

    async def _warn(self, ends: Ends, row: EndingMessage, ending: Announced, now: datetime) -> None:
        async def advance(state: State) -> bool:
            if state is not State.POSTING:
                return await self._note(row, Said.NOTHING, now + AGAIN)
            return timezone.now() < ending.until and await self._note(
                row, Said.WARNED, ending.until
            )

        try:
            sent = await self.sender.post(
                (row.channel, row.thread), _message(ending.warning()), PostClaim(advance)
            )
        except TakenOverError:
            return  # it has ended meanwhile, or another process has taken it over
        if sent.ts and not row.ts:  # the only message that shows it
            await self.remember(Timed(ends, row.pk, now), sent.channel or row.channel, "", sent.ts)
        if sent.state is State.FAILED and not sent.later:
            await self._note(row, Said.WARNED, ending.until)  # Slack will never take it

    async def _end(self, row: EndingMessage, ending: Announced, now: datetime) -> None:
        waits = ending.waits
        if not waits and row.ts:
            sent = await self.sender.replace(row.channel, row.ts, _message(ending.ended()))
            waits = sent.later
        if waits:
            await self._note(row, row.said, now + AGAIN)
        else:
            await self._note(row, Said.ENDED, now)

    async def _note(self, row: EndingMessage, said: str, due: datetime) -> bool:
        return await in_database(timed_store.note, row, self.holder, said, due)


def _message(reply: Reply) -> SlackMessage:
    return slack_messages(reply)[0]
