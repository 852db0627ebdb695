"""Deliver an answer to a thread, privately to the user of /ops, or to the Home tab.

A card stays one message, which its result replaces.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable

from django.utils import timezone

from bot import card_records
from bot.cards import face
from bot.models import LOST_PLACE, CardState, ChangeCard, State
from bot.replies import Reply
from bot.slack.blocks import SlackMessage, slack_messages
from bot.slack.interactions import HOME, PRESS
from bot.slack.jobs import Job
from bot.slack.post_claim import PostClaim
from bot.slack.sender import Sender
from ops.database import in_database

log = logging.getLogger(__name__)


class Delivery:
    """Deliver answers to where they were asked for."""

    def __init__(self, sender: Sender) -> None:
        self.sender = sender

    async def say(self, job: Job, reply: Reply, claim: PostClaim) -> State:
        """Show a reply; returns ANSWERED, or the worst state among its messages.

        Raises TakenOverError.
        """
        messages = await asyncio.to_thread(slack_messages, reply)
        if job.row.kind == HOME:
            return await self.sender.publish(str(job.event["user"]), _home(messages), claim)
        if reply.card and (card := await in_database(card_records.find, reply.card)):
            state = await self._say_card(job, card, messages[0], claim)
            if state is not None:
                return state
        if url := job.event.get("response_url"):
            return await self.sender.respond(str(url), messages, claim)
        return await self.sender.say(job.thread, messages, claim, job.row.placeholder)

    async def hold(
        self,
        job: Job,
        reply: Reply,
        is_wanted: Callable[[], bool],
        note: Callable[[str], Awaitable[None]],
    ) -> None:
        """Post that the answer takes a while; `note` gets the ts of the message to replace.

        A message that only one person sees cannot be replaced. `is_wanted` is checked again
        when the message gets its turn in the channel.
        """
        [message] = slack_messages(reply)
        if job.row.kind == HOME:
            return
        if job.row.kind == PRESS and (card := await in_database(_shown_by, job)):
            if card.state == CardState.APPLYING:
                await self._replace(card, _face(card))
            return
        if url := job.event.get("response_url"):
            await self.sender.respond(str(url), [message])
            return
        await note(LOST_PLACE)  # this remains if the process is killed now
        await note(await self.sender.hold_place(job.thread, message, is_wanted))

    async def tend(self, seconds: float) -> None:
        """Update the messages of expired cards and cards of lost processes, until cancelled.

        Every process does this, so that any one that is running is enough.
        """
        while True:
            try:
                now = timezone.now()
                await in_database(card_records.expire, now)
                for card in await in_database(card_records.stale, now):
                    await self._replace(card, _face(card))
            except Exception:
                log.exception("the cards could not be updated")
            await asyncio.sleep(seconds)

    async def _say_card(
        self, job: Job, card: ChangeCard, message: SlackMessage, claim: PostClaim
    ) -> State | None:
        """Post an open card, or replace its message by the result.

        Returns None if the answer must be posted elsewhere, too or instead.
        """
        if card.state == CardState.OPEN:
            return await self._post(job, card, message, claim)
        pressed = job.row.kind == PRESS and not job.event.get("response_url")
        if pressed and not card.ts:  # Slack's answer to posting it was lost, but the click names it
            card.channel, card.ts = job.row.channel, str(job.event["ts"])
            await in_database(card_records.posted, card.key, card.channel, card.ts)
        here = (
            pressed
            and (job.row.channel, job.event["ts"]) == (card.channel, card.ts)
            and not job.row.placeholder  # else the answer must replace the placeholder too
        )
        if here and card.state == card.shown:
            return State.ANSWERED  # the message that was clicked already shows it
        state = await self._replace(card, message, claim) if card.ts else State.FAILED
        return state if here and state is not State.FAILED else None

    async def _post(
        self, job: Job, card: ChangeCard, message: SlackMessage, claim: PostClaim
    ) -> State | None:
        """Post a card for everybody, even if /ops asked for it, unless Slack refuses."""
        sent = await self.sender.post(job.thread, message, claim, job.row.placeholder)
        if sent.ts:
            channel = sent.channel or job.row.channel
            await in_database(card_records.posted, card.key, channel, sent.ts)
        whispered = sent.state is State.FAILED and job.event.get("response_url")
        return None if whispered else sent.state

    async def _replace(
        self, card: ChangeCard, message: SlackMessage, claim: PostClaim | None = None
    ) -> State:
        """Show a card's result, and again if it changed meanwhile.

        Otherwise we could replace the newer result that another process has shown.
        """
        sent = await self.sender.replace(card.channel, card.ts, message, claim)
        if sent.state is not State.UNKNOWN and not sent.later:
            now = await in_database(card_records.seen, card.key, card.state)
            if now and now.state != card.state:
                await self._replace(now, _face(now))
        return sent.state


def _shown_by(job: Job) -> ChangeCard | None:
    return card_records.find_shown(job.row.channel, str(job.event["ts"]))


def _face(card: ChangeCard) -> SlackMessage:
    return slack_messages(face(card))[0]


def _home(messages: list[SlackMessage]) -> SlackMessage:
    """Return all messages as one, without tables, which the Home tab does not have."""
    blocks = [block for each in messages for block in each.fallback or each.blocks]
    return SlackMessage(messages[0].text, tuple(blocks))
