"""What is for one person's eyes goes by direct message, and not where others read."""

import logging

from slack_sdk.web.async_client import AsyncWebClient

from bot.models import State
from bot.replies import Reply
from bot.slack.blocks import slack_messages
from bot.slack.claim import Claim
from bot.slack.refusals import FAILED_CALL, reason
from bot.slack.sender import Sender

SENT = "I have written to you directly"
_NOT_SURE = (
    "I cannot say whether my direct message reached you; look there, or ask again in a minute"
)
log = logging.getLogger(__name__)


class DirectMessages:
    """Writes to single people of one workspace."""

    def __init__(self, web: AsyncWebClient, sender: Sender) -> None:
        self.web = web
        self.sender = sender

    async def say(self, user: str, reply: Reply, claim: Claim) -> Reply:
        """Write to a Slack user; returns what to say where they asked, raises TakenOverError."""
        try:
            opened = await self.web.conversations_open(users=user)
            channel = str(opened["channel"].get("id"))
        except FAILED_CALL as error:
            return _not_sent(reason(error))
        state = await self.sender.say((channel, ""), slack_messages(reply), claim)
        if state is State.ANSWERED:
            return Reply(SENT)
        return Reply(_NOT_SURE, failed=True) if state is State.UNKNOWN else _not_sent("refused")


def _not_sent(why: str) -> Reply:
    log.warning("a direct message could not be written: %s", why)
    return Reply(
        f"I could not write to you directly ({why}); write to me directly instead, in a minute. "
        "Whoever looks after me finds out why with manage.py check_slack",
        failed=True,
    )
