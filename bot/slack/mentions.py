"""The channels in which the bot is mentioned: the page of subscriptions offers them.

Slack says with each mention whether another company can read the channel. That is stored when it is
new or has changed, and once a day.
"""

import asyncio
import logging

from cachetools import TTLCache
from django.db import Error

from bot.slack.deadlines import Deadlines
from bot.slack.jobs import SHARED, Job
from ops.actor import OPSPORTAL
from ops.errors import OpsError
from ops.metrics import watched
from ops.sites.subscriptions import is_channel
from ops.subscriptions import actions as subscriptions
from ops.subscriptions.actions import Channel

MOST = 1_000
DAY = 86_400  # seconds
log = logging.getLogger(__name__)


class Mentions:
    """What this process has stored of the channels in which the bot was mentioned."""

    def __init__(self, deadlines: Deadlines) -> None:
        self.seconds = deadlines.record
        self._stored: TTLCache[str, Channel] = watched(
            "channels mentioned in", TTLCache(maxsize=MOST, ttl=DAY)
        )

    async def note(self, job: Job) -> None:
        """Store what a mention says of its channel; without the database, the next one does."""
        shared = job.event.get(SHARED)
        if job.event.get("type") != "app_mention" or not isinstance(shared, bool):
            return
        channel = Channel(job.row.channel, job.row.team, shared=shared)
        if not is_channel(channel.id) or self._stored.get(channel.id) == channel:
            return
        try:
            async with asyncio.timeout(self.seconds):
                await subscriptions.note_channel(OPSPORTAL, channel=channel)
        except (Error, OpsError, TimeoutError) as error:
            log.warning("a channel was not noted: %s", error or "no answer")
        else:
            self._stored[channel.id] = channel
