"""What is for one person's eyes goes by direct message, and not where others read."""

import logging

import aiohttp
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from bot.models import State
from bot.replies import Reply
from bot.slack.blocks import slack_messages
from bot.slack.refusals import error_code
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

    async def say(self, user: str, reply: Reply) -> Reply:
        """Write to a Slack user; returns what to say where they asked."""
        try:
            opened = await self.web.conversations_open(users=user)
            channel = str(opened["channel"]["id"])
        except (SlackApiError, aiohttp.ClientError, TimeoutError, KeyError, TypeError) as error:
            return _not_sent(_reason(error))
        state = await self.sender.say((channel, ""), slack_messages(reply))
        if state is State.ANSWERED:
            return Reply(SENT)
        return Reply(_NOT_SURE, failed=True) if state is State.UNKNOWN else _not_sent("refused")


def _reason(error: Exception) -> str:
    if isinstance(error, SlackApiError):
        return error_code(error)
    return "no answer in time" if isinstance(error, TimeoutError) else "no answer"


def _not_sent(reason: str) -> Reply:
    log.warning("a direct message could not be written: %s", reason)
    return Reply(
        f"I could not write to you directly ({reason}); write to me directly instead, in a minute. "
        "Whoever looks after me finds out why with manage.py check_slack",
        failed=True,
    )
