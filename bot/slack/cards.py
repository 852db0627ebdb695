"""Show requests for a change as messages, one for each request.

A card asks the question. Once the request is decided, at any door and in any process, the result
replaces the question in the same message:

    say(open) ──> posted ──(clicked, and decided)──> say(result) ──> replaced
                     └──(decided elsewhere, expired, process gone)──> keep_current ──> replaced
"""

import asyncio
import logging
from datetime import datetime

from django.utils import timezone

from bot.answers.requests import requested_change
from bot.models import Card, State
from bot.slack import card_store
from bot.slack.blocks import SlackMessage, slack_messages
from bot.slack.interactions import PRESS
from bot.slack.jobs import Job
from bot.slack.post_claim import PostClaim
from bot.slack.sender import Sender
from bot.slack.timed import TimedMessages
from ops.actor import OPSPORTAL
from ops.database import in_database
from ops.requests import actions as requests
from ops.requests.actions import RequestedChange

log = logging.getLogger(__name__)


class Cards:
    """The cards that one bot process, `holder`, posts and updates."""

    def __init__(self, sender: Sender, holder: str, timed: TimedMessages) -> None:
        self.sender = sender
        self.holder = holder
        self.timed = timed

    async def say(
        self, job: Job, key: str, message: SlackMessage, claim: PostClaim
    ) -> State | None:
        """Post the card of an open request, or replace it with the result of the request.

        Returns None if the answer must be posted elsewhere, too or instead.
        """
        request = await _request(key)
        if request is None:
            return None
        if request.state is requests.State.OPEN:
            return await self._post(job, key, message, claim)
        card = await in_database(card_store.find, key)
        pressed = job.row.kind == PRESS and not job.event.get("response_url")
        if pressed and not card:  # Slack's answer to posting it was lost, but the click names it
            card = await self._posted(key, job.row.channel, job.thread[1], str(job.event["ts"]))
        here = (
            pressed
            and card is not None
            and (job.row.channel, job.event["ts"]) == (card.channel, card.ts)
            and not job.row.placeholder  # else the answer must replace the placeholder too
        )
        if here and card and request.state == card.shown:
            return State.ANSWERED  # the message that was clicked already shows it
        state = await self._replace(card, request, message, claim) if card else State.FAILED
        return state if here and state is not State.FAILED else None

    async def hold(self, job: Job) -> bool:
        """Show on the card that was clicked that it is being applied; False if none was."""
        if job.row.kind != PRESS:
            return False
        card = await in_database(card_store.find_shown, job.row.channel, str(job.event["ts"]))
        if card is None:
            return False
        request = await _request(card.key)
        if request and request.state is requests.State.APPLYING:
            await self._replace(card, request, _message(request))
        return True

    async def keep_current(self, seconds: float) -> None:
        """Update the cards of requests that were decided elsewhere or are over, until cancelled.

        Every process does this, so that any one that is running is enough.
        """
        while True:
            try:
                await requests.close(OPSPORTAL)
                await self._update(timezone.now())
            except Exception:
                log.exception("the cards could not be updated")
            await asyncio.sleep(seconds)

    async def _update(self, now: datetime) -> None:
        cards = await in_database(card_store.unsettled, now)
        found = await requests.several(OPSPORTAL, keys=[card.key for card in cards])
        for card in cards:
            request = found.get(card.key)
            if request is None or not _is_due(card, request, now):
                continue
            if await in_database(card_store.claim, card, self.holder, now):
                await self._replace(card, request, _message(request))

    async def _post(
        self, job: Job, key: str, message: SlackMessage, claim: PostClaim
    ) -> State | None:
        """Post a card for everybody, even if /ops asked for it, unless Slack refuses."""
        sent = await self.sender.post(job.thread, message, claim, job.row.placeholder)
        if sent.ts:
            await self._posted(key, sent.channel or job.row.channel, job.thread[1], sent.ts)
        whispered = sent.state is State.FAILED and job.event.get("response_url")
        return None if whispered else sent.state

    async def _posted(self, key: str, channel: str, thread: str, ts: str) -> Card:
        place = (channel, thread, ts)
        return await in_database(card_store.posted, key, place, timezone.now())

    async def _replace(
        self,
        card: Card,
        request: RequestedChange,
        message: SlackMessage,
        claim: PostClaim | None = None,
    ) -> State:
        """Show a request as it is, and again if it changed meanwhile.

        Otherwise we could replace the newer result that another process has shown.
        """
        sent = await self.sender.replace(card.channel, card.ts, message, claim)
        if sent.state is not State.UNKNOWN and not sent.later:
            timed = requested_change(request).timed
            if timed:  # before it counts as seen, so that a kill loses nothing
                await self.timed.remember(timed, card.channel, card.thread or card.ts, card.ts)
            await in_database(card_store.seen, request)
            now = await _request(request.key)
            if now and now.state != request.state:
                await self._replace(card, now, _message(now))
        return sent.state


def _is_due(card: Card, request: RequestedChange, now: datetime) -> bool:
    """Return whether a card is out of date, and its decider had the time to update it."""
    if request.state in (card.shown, requests.State.APPLYING):
        return False
    decided = request.decided_at if request.decided_by else None
    return decided is None or decided <= now - card_store.LEASE


async def _request(key: str) -> RequestedChange | None:
    return (await requests.several(OPSPORTAL, keys=[key])).get(key)


def _message(request: RequestedChange) -> SlackMessage:
    return slack_messages(requested_change(request))[0]
