"""Deliver an answer to a thread, privately to the user of /ops, or to the Home tab."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence

from bot.models import LOST_PLACE, State
from bot.replies import Reply
from bot.slack.blocks import SlackMessage, reply_messages, slack_messages
from bot.slack.cards import Cards
from bot.slack.interactions import HOME
from bot.slack.jobs import Job
from bot.slack.post_claim import PostClaim
from bot.slack.sender import Sender
from bot.slack.timed import TimedMessages


class Delivery:
    """Deliver answers to where they were asked for."""

    def __init__(self, sender: Sender, cards: Cards, timed: TimedMessages) -> None:
        self.sender = sender
        self.cards = cards
        self.timed = timed

    async def say(self, job: Job, replies: Sequence[Reply], claim: PostClaim) -> State:
        """Show a reply, or several in one message each, of which none is of a change.

        Returns ANSWERED, or the worst state among the messages; raises TakenOverError.
        """
        messages = await asyncio.to_thread(reply_messages, replies)
        reply = replies[0]
        if job.row.kind == HOME:
            return await self.sender.publish(str(job.event["user"]), _home(messages), claim)
        if reply.card:
            state = await self.cards.say(job, reply.card, messages[0], claim)
            if state is not None:
                return state
        if reply.timed:  # before it is posted, so that its end is announced even after a kill
            await self.timed.remember(reply.timed, *job.thread, "")
        if url := job.event.get("response_url"):
            return await self.sender.respond(str(url), messages, claim)
        if reply.timed and len(messages) == 1:
            sent = await self.sender.post(job.thread, messages[0], claim, job.row.placeholder)
            await self.timed.remember(reply.timed, sent.channel or job.row.channel, "", sent.ts)
            return sent.state
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
        if await self.cards.hold(job):
            return
        if url := job.event.get("response_url"):
            await self.sender.respond(str(url), [message])
            return
        await note(LOST_PLACE)  # this remains if the process is killed now
        await note(await self.sender.hold_place(job.thread, message, is_wanted))


def _home(messages: list[SlackMessage]) -> SlackMessage:
    """Return all messages as one, without tables, which the Home tab does not have."""
    blocks = [block for each in messages for block in each.fallback or each.blocks]
    return SlackMessage(messages[0].text, tuple(blocks))
