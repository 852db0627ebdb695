"""Send private answers by direct message instead of to a channel."""

import logging

from slack_sdk.web.async_client import AsyncWebClient

from bot.models import State
from bot.replies import Reply
from bot.slack.api_errors import FAILED_CALL, reason
from bot.slack.blocks import slack_messages
from bot.slack.post_claim import PostClaim
from bot.slack.sender import Sender

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


def _not_sent(why: str) -> Reply:
    log.warning("a direct message could not be sent: %s", why)
    return Reply(
        f"I could not send you a direct message ({why}); send me one instead, in a minute. "
        "An administrator can find the cause with manage.py check_slack",
        failed=True,
    )
