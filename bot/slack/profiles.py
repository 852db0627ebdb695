"""Who Slack says that people are: asked once in ten minutes, however many wait for it.

Slack tells one of the bot's processes that a person has changed; the others learn it when
what they keep is ten minutes old.
"""

import asyncio
from collections.abc import Mapping

import aiohttp
from cachetools import TTLCache
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from bot.slack.identity import Profile, outsider, read_profile
from bot.slack.refusals import error_code

SECONDS = 600
ELSEWHERE = "you are from another Slack workspace"
_TEAMS = ("team", "user_team", "source_team")
_INVISIBLE = ("user_not_found", "user_not_visible")


class Profiles:
    """The people of the workspace `team_id`, which people call `workspace`."""

    def __init__(self, web: AsyncWebClient, team_id: str, workspace: str) -> None:
        self.web = web
        self.team_id = team_id
        self.workspace = workspace
        self._asked: TTLCache[str, asyncio.Task[Profile]] = TTLCache(maxsize=10_000, ttl=SECONDS)

    async def who_wrote(self, event: Mapping[str, object], team_id: str) -> Profile:
        """Return who wrote a message that came to a workspace; raises nothing.

        Whom Slack shows to be of another workspace is not looked up. Where Slack does not say
        who somebody is they are an outsider, and Slack is asked again the next time.
        """
        user = str(event["user"])
        teams = [team_id, *(str(event.get(name) or "") for name in _TEAMS)]
        if elsewhere := [team for team in teams if team not in ("", self.team_id)]:
            return outsider(user, elsewhere[-1], ELSEWHERE)
        asked = self._asked.get(user)
        if asked is None:
            asked = self._asked[user] = asyncio.create_task(self._ask(user))
        try:
            return await asyncio.shield(asked)
        except (SlackApiError, aiohttp.ClientError, TimeoutError) as error:
            if self._asked.get(user) is asked:
                self.forget(user)
            return outsider(user, self.team_id, _unknown(error))

    def forget(self, user: object) -> None:
        """Ask anew the next time: Slack has told of a change, or could not be asked."""
        self._asked.pop(str(user), None)

    async def _ask(self, user: str) -> Profile:
        try:
            answer = await self.web.users_info(user=user)
        except SlackApiError as error:
            if error_code(error) in _INVISIBLE:
                return outsider(user, self.team_id, "Slack does not say who you are")
            raise
        found = answer.get("user")
        if not isinstance(found, dict) or found.get("id") != user:
            raise aiohttp.ClientPayloadError("an answer about nobody or somebody else")
        return read_profile(found, self.team_id, self.workspace)


def _unknown(error: Exception) -> str:
    reason = error_code(error) if isinstance(error, SlackApiError) else str(error)
    return (
        f"Slack did not say who you are ({reason or 'no answer in time'}), so nothing was done; "
        "try again"
    )
