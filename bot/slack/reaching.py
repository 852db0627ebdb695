"""Where a user of ours can be written to directly."""

import logging

from slack_sdk.web.async_client import AsyncWebClient

from bot.slack.api_errors import FAILED_CALL, reason
from bot.slack.identity import linked_actor
from bot.slack.profiles import Profiles
from ops.accounts.identity import accounts_of
from ops.database import in_database

log = logging.getLogger(__name__)


class Reaching:
    """Direct messages to people who did not write to the bot first."""

    def __init__(self, web: AsyncWebClient, profiles: Profiles) -> None:
        self.web = web
        self.profiles = profiles

    async def channel(self, user_id: int) -> str:
        """Return the channel of direct messages to a user, "" if they cannot use the bot."""
        for account in await in_database(accounts_of, user_id):
            if account.team_id not in self.profiles.trust.ids:
                continue
            event = {"user": account.user_id}
            profile = await self.profiles.of_author(event, account.team_id)
            actor = await in_database(linked_actor, profile, {})
            if actor is None or actor.user_id != user_id:
                continue
            try:
                opened = await self.web.conversations_open(users=account.user_id)
                return str(opened["channel"].get("id") or "")
            except FAILED_CALL as error:
                log.warning("a direct message could not be opened: %s", reason(error))
        return ""
