"""What each thread is about, in the database, so that every bot process can follow up."""

import asyncio
import logging
from collections.abc import Sequence
from datetime import datetime, timedelta

from django.db import Error
from django.utils import timezone

from bot.follow_ups import About, about, loads
from bot.models import Conversation
from bot.replies import Reply
from bot.slack.deadlines import Deadlines
from bot.slack.jobs import Job, is_direct
from ops.database import in_database

KEPT = timedelta(days=1)
# Direct messages have no threads that tell subjects apart: after a pause, they start anew.
PAUSE = timedelta(minutes=30)
MOST = 10_000
LONGEST = 32_000  # characters: a longer one is not remembered
log = logging.getLogger(__name__)


class Conversations:
    """The conversations of one workspace; without the database, nothing is known of any."""

    def __init__(self, deadlines: Deadlines) -> None:
        self.seconds = deadlines.record

    async def recall(self, job: Job) -> About | None:
        """Return what the conversation of a job is about, None if it is unknown."""
        if not _has_one(job):
            return None
        try:
            async with asyncio.timeout(self.seconds):
                return await in_database(recall, *job.thread, timezone.now())
        except (Error, TimeoutError) as error:
            log.warning("what a thread is about is unknown: %s", error or "no answer")
            return None

    async def remember(self, job: Job, replies: Sequence[Reply]) -> None:
        """Record what a conversation is about after replies."""
        found = [each for each in map(about, replies) if each]
        if not found or not _has_one(job):
            return
        try:
            async with asyncio.timeout(self.seconds):
                await in_database(remember, *job.thread, found[-1], timezone.now())
        except (Error, TimeoutError) as error:
            log.warning("what a thread is about is not remembered: %s", error or "no answer")


def _has_one(job: Job) -> bool:
    """Return whether a job is in a thread or in direct messages, and its answer too."""
    alone = job.event.get("response_url")
    return not alone and (is_direct(job.event) or bool(job.thread[1]))


def recall(channel: str, thread: str, now: datetime) -> About | None:
    """Return what a thread is about, None if it is unknown."""
    since = now - (KEPT if thread else PAUSE)
    found = Conversation.objects.filter(channel=channel, thread=thread, updated__gt=since).first()
    return loads(found.about) if found else None


def remember(channel: str, thread: str, about: About, now: datetime, most: int = MOST) -> None:
    """Record what a thread is about."""
    text = about.dumps()
    if len(text) <= LONGEST:
        _, is_new = Conversation.objects.update_or_create(
            channel=channel, thread=thread, defaults={"about": text, "updated": now}
        )
        if is_new:
            _forget(now, most)


def _forget(now: datetime, most: int) -> None:
    """Delete what is old, or too much."""
    Conversation.objects.filter(updated__lt=now - KEPT).delete()
    newest = Conversation.objects.order_by("-updated")
    if surplus := newest.values_list("pk", flat=True)[most : 2 * most]:
        Conversation.objects.filter(pk__in=list(surplus)).delete()
