"""The last searches of each person, kept so that they can be repeated; nobody else sees them.

A page that only reads neither fails nor waits because this cannot be written or read.
"""

import asyncio
import logging

from django.db import Error, transaction
from django.utils import timezone

from ops.database import in_database
from opsportal.models import RecentSearch

MOST = 20  # of a person and site
LONGEST = 2_000
AT_ONCE = 2  # so few of the database's threads may wait for a database that is locked
log = logging.getLogger(__name__)
writing: set[asyncio.Task[None]] = set()


async def recent(user_id: int, site: str) -> list[str]:
    """Return the lines, the newest first; none when they cannot be had."""
    try:
        return await in_database(_read, user_id, site)
    except Error as error:
        log.warning("recent searches cannot be read: %s", error)
        return []


def remember(user_id: int, site: str, line: str) -> None:
    """Put a line first. It is written while the caller goes on, or left out."""
    if len(line) > LONGEST or len(writing) >= AT_ONCE:
        log.info("a search is not kept: it is too long, or others still wait to be written")
        return
    task = asyncio.create_task(_keep(user_id, site, line))
    writing.add(task)
    task.add_done_callback(writing.discard)


async def forget(user_id: int, site: str) -> None:
    """Remove all of a person's lines of a site; raises DatabaseError."""
    await in_database(RecentSearch.objects.filter(user_id=user_id, site=site).delete)


async def _keep(user_id: int, site: str, line: str) -> None:
    try:
        await in_database(_write, user_id, site, line)
    except Error as error:
        log.warning("a search is not kept: %s", error)


def _read(user_id: int, site: str) -> list[str]:
    found = RecentSearch.objects.filter(user_id=user_id, site=site).order_by("-at", "-id")
    return list(dict.fromkeys(found.values_list("line", flat=True)[:MOST]))


@transaction.atomic
def _write(user_id: int, site: str, line: str) -> None:
    mine = RecentSearch.objects.filter(user_id=user_id, site=site)
    mine.filter(line=line).delete()
    mine.create(user_id=user_id, site=site, line=line, at=timezone.now())
    kept = mine.order_by("-at", "-id").values_list("id", flat=True)[:MOST]
    mine.exclude(id__in=kept).delete()  # one statement: what others add meanwhile stays
