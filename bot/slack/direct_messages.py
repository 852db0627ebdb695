"""Send answers by direct message: private ones, and those that a channel does not take."""

import logging
from collections.abc import Sequence
from dataclasses import replace

from slack_sdk.web.async_client import AsyncWebClient

from bot.models import State
from bot.replies import Reply, Sentence, parts
from bot.slack.api_errors import FAILED_CALL, reason
from bot.slack.blocks import SlackMessage, reply_messages, slack_messages
from bot.slack.jobs import Job
from bot.slack.post_claim import PostClaim
from bot.slack.sender import Sender

# Slack's error codes for what is wrong with the place of an answer, and how to say it.
REFUSALS = {
    "cannot_reply_to_message": "the message takes no replies",
    "channel_not_found": "I cannot see the channel; invite me",
    "is_archived": "the channel is archived",
    "not_in_channel": "I am not in the channel; invite me",
    "restricted_action": "an administrator restricts who may post there",
    "restricted_action_non_threadable_channel": "the channel has no threads",
    "restricted_action_read_only_channel": "the channel is read-only",
    "restricted_action_thread_locked": "the thread is locked",
    "restricted_action_thread_only_channel": "the channel takes only replies",
}
SENT = "I sent you a direct message"
_NOT_SURE = "My direct message may not have reached you; check there, or ask again in a minute"
log = logging.getLogger(__name__)


class DirectMessages:
    """Direct messages to the users of one workspace."""

    def __init__(self, web: AsyncWebClient, sender: Sender) -> None:
        self.web = web
        self.sender = sender

    async def say(self, user: str, reply: Reply, claim: PostClaim) -> Reply:
        """Send a reply to a Slack user; returns the reply to show where they asked.

        Raises TakenOverError.
        """
        try:
            opened = await self.web.conversations_open(users=user)
            channel = str(opened["channel"].get("id"))
        except FAILED_CALL as error:
            return _not_sent(reason(error))
        # Under the same claim as the answer in the channel: a link code is sent at most once.
        state = await self.sender.say((channel, ""), slack_messages(reply), claim)
        if state is State.ANSWERED:
            return Reply(SENT)
        return Reply(_NOT_SURE, failed=True) if state is State.UNKNOWN else _not_sent("refused")

    async def say_instead(self, job: Job, replies: Sequence[Reply], claim: PostClaim) -> State:
        """Send what a channel did not take, with the reason: directly, else for one pair of eyes.

        Returns FAILED if Slack takes neither; raises TakenOverError.
        """
        messages = moved_messages(replies, REFUSALS[claim.refused])
        user = str(job.event["user"])
        try:
            opened = await self.web.conversations_open(users=user)
            place = (str(opened["channel"].get("id")), "")
            state = await self.sender.say(place, messages, claim)
        except FAILED_CALL as error:
            log.warning("a direct message could not be sent: %s", reason(error))
            state = State.FAILED
        if state is State.FAILED:
            state = await self.sender.whisper(job.thread, user, messages[0], claim)
        return state


def moved_messages(replies: Sequence[Reply], why: str) -> list[SlackMessage]:
    """Return replies as messages that say first why they are not where they were asked for."""
    summary = Sentence(f"I could not answer in the channel: {why}. ", *parts(replies[0].summary))
    return reply_messages([replace(replies[0], summary=summary), *replies[1:]])


def _not_sent(why: str) -> Reply:
    log.warning("a direct message could not be sent: %s", why)
    return Reply(
        f"I could not send you a direct message ({why}); send me one instead, in a minute. "
        "An administrator can find the cause with manage.py check_slack",
        failed=True,
    )
