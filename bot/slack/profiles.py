"""Slack users' profiles, each fetched once in ten minutes however many messages wait for it.

Slack reports a changed user to one bot process. The others learn it from the database within
seconds, or, if the database does not answer, when their cached profile is ten minutes old.
"""

import asyncio
import logging
import re
from collections.abc import Collection, Mapping
from contextlib import suppress
from datetime import datetime, timedelta

import aiohttp
from cachetools import TTLCache
from django.db import Error
from django.utils import timezone
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from bot.models import ChangedUser
from bot.slack.api_errors import FAILED_CALL, error_code, reason
from bot.slack.identity import ELSEWHERE, Profile, outsider, read_profile
from bot.slack.trust import Trust
from ops.database import in_database
from ops.metrics import watched

SECONDS = 600
KEPT = timedelta(seconds=2 * SECONDS)  # the clocks of two machines may differ
_TEAMS = ("team", "user_team", "source_team")  # of an event: its author's workspace
_INVISIBLE = ("user_not_found", "user_not_visible")
_USER = re.compile(r"[A-Z0-9]{1,64}")
log = logging.getLogger(__name__)


class Profiles:
    """The profiles of Slack users, and which of them the bot trusts."""

    def __init__(self, web: AsyncWebClient, trust: Trust) -> None:
        self.web = web
        self.trust = trust
        self._fetched: TTLCache[str, asyncio.Task[Profile]] = watched(
            "profiles", TTLCache(maxsize=10_000, ttl=SECONDS)
        )
        self._applied: TTLCache[str, datetime] = watched(
            "profiles known", TTLCache(maxsize=10_000, ttl=SECONDS)
        )
        self._unshared: dict[str, datetime] = {}
        self._changed = asyncio.Event()

    async def of_author(self, event: Mapping[str, object], team_id: str) -> Profile:
        """Return the profile of a message's author; raises nothing.

        `team_id` is where it was written. Users of a workspace that is not trusted are not looked
        up. A user Slack does not identify is an outsider, and is looked up again next time.
        """
        user = str(event["user"])
        teams = [str(event.get(name) or "") for name in _TEAMS]
        if elsewhere := self.trust.foreign([*teams, team_id]):
            return outsider(user, elsewhere, ELSEWHERE)
        profile = await self._profile(user)
        elsewhere = self.trust.contradiction(teams, profile.member)
        if elsewhere and not profile.outsider:
            return outsider(user, elsewhere, ELSEWHERE)
        return profile

    async def _profile(self, user: str) -> Profile:
        # The task is cached, not its result: messages that arrive meanwhile share one call.
        fetching = self._fetched.get(user)
        if fetching is None:
            fetching = self._fetched[user] = asyncio.create_task(self._fetch(user))
        try:
            return await asyncio.shield(fetching)  # others may wait for the same call
        except FAILED_CALL as error:
            if self._fetched.get(user) is fetching:  # not a newer call, made after a change
                self._fetched.pop(user, None)
            return outsider(user, self.trust.team, _unknown(error))

    def note_change(self, user: object) -> None:
        """Refetch the profile of a user Slack reports as changed, here and in other processes."""
        if isinstance(user, str) and _USER.fullmatch(user):
            self._fetched.pop(user, None)
            self._unshared[user] = timezone.now()
            self._changed.set()

    async def share(self, seconds: float) -> None:
        """Share changes with the other processes every `seconds`, until cancelled."""
        while True:
            self._changed.clear()
            sharing, self._unshared = self._unshared, {}  # changes noted meanwhile are kept apart
            try:
                changes = await in_database(_share, sharing, list(self._fetched))
            except Error as error:
                log.warning("changed users cannot be shared between the bots: %s", error)
                self._unshared = sharing | self._unshared
                await asyncio.sleep(seconds)
                continue
            self._applied.update(sharing)
            for user, at in changes.items():
                if self._applied.get(user) != at:  # a change that we have not acted on yet
                    self._applied[user] = at
                    self._fetched.pop(user, None)
            with suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    await self._changed.wait()

    async def _fetch(self, user: str) -> Profile:
        try:
            answer = await self.web.users_info(user=user)
        except SlackApiError as error:
            if error_code(error) in _INVISIBLE:
                return outsider(user, self.trust.team, "Slack does not identify you")
            raise
        found = answer.get("user")
        profile = read_profile(found, self.trust) if isinstance(found, dict) else None
        if profile is None or user not in (profile.user_id, profile.member.user_id):
            raise aiohttp.ClientPayloadError("the answer is not about this user")
        return profile


def _share(sharing: Mapping[str, datetime], users: Collection[str]) -> dict[str, datetime]:
    """Record changed users with times; returns those of `users` that changed recently.

    All processes write in the same order, so that they cannot deadlock.
    """
    if sharing:
        ChangedUser.objects.bulk_create(
            [ChangedUser(slack_user=user, at=at) for user, at in sorted(sharing.items())],
            update_conflicts=True,
            unique_fields=["slack_user"],
            update_fields=["at"],
        )
        ChangedUser.objects.filter(at__lt=timezone.now() - KEPT).delete()
    changed = ChangedUser.objects.filter(slack_user__in=users)
    return dict(changed.values_list("slack_user", "at"))


def _unknown(error: Exception) -> str:
    return f"Slack did not identify you ({reason(error)}), so nothing was done; try again"
