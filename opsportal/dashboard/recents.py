"""Each user's recent searches, saved so that they can be repeated; no other user sees them.

If they cannot be read or written, pages neither fail nor wait.
"""

import asyncio
import logging

from django.db import Error, transaction
from django.utils import timezone

from ops.database import in_database
from opsportal.models import RecentSearch

MOST = 20  # per user and site
LONGEST = 2_000
AT_ONCE = 2  # writes; more could tie up the database threads while the database is locked
log = logging.getLogger(__name__)
writing: set[asyncio.Task[None]] = set()


async def recent(user_id: int, site: str) -> list[str]:
    """Return the lines, newest first; none if they cannot be read."""
    try:
        return await in_database(_read, user_id, site)
    except Error as error:
        log.warning("cannot read recent searches: %s", error)
        return []


def remember(user_id: int, site: str, line: str) -> None:
    """Save a line as the latest. It is written in the background, or dropped."""
    if len(line) > LONGEST or len(writing) >= AT_ONCE:
        log.info("a search was not saved: it is too long, or others are still being saved")
        return
    task = asyncio.create_task(_keep(user_id, site, line))
    writing.add(task)
    task.add_done_callback(writing.discard)


async def forget(user_id: int, site: str) -> None:
    """Delete all of a user's lines for a site; raises DatabaseError."""
    await in_database(RecentSearch.objects.filter(user_id=user_id, site=site).delete)


async def _keep(user_id: int, site: str, line: str) -> None:
    try:
        await in_database(_write, user_id, site, line)
    except Error as error:
        log.warning("a search was not saved: %s", error)


def _read(user_id: int, site: str) -> list[str]:
    found = RecentSearch.objects.filter(user_id=user_id, site=site).order_by("-at", "-id")
    return list(dict.fromkeys(found.values_list("line", flat=True)[:MOST]))


@transaction.atomic
def _write(user_id: int, site: str, line: str) -> None:
    mine = RecentSearch.objects.filter(user_id=user_id, site=site)
    mine.filter(line=line).delete()
    mine.create(user_id=user_id, site=site, line=line, at=timezone.now())
    kept = mine.order_by("-at", "-id").values_list("id", flat=True)[:MOST]
    mine.exclude(id__in=kept).delete()  # one statement, so that concurrent additions survive
