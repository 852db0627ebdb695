"""What each person searched for lately, at each site: a help that no page waits or fails for."""

import asyncio
import logging

from django.db import Error, transaction

from ops.database import in_database
from opsportal.models import RecentSearch

KEPT = 20  # of a person and site
LONGEST = 1_000
AT_ONCE = 2  # so few of the database's threads may wait for a database that is locked
logger = logging.getLogger(__name__)
writing: set[asyncio.Task[None]] = set()


async def recent(user_id: int, site: str) -> list[str]:
    """Return the lines that the person sent, newest first, each once."""
    try:
        return await in_database(_read, user_id, site)
    except Error as error:
        logger.warning("recent searches cannot be read: %s", error)
        return []


def remember(user_id: int, site: str, line: str) -> None:
    """Put the line first. It is written while the caller goes on, or left out."""
    if len(line) > LONGEST or len(writing) >= AT_ONCE:
        logger.info("a search is not kept: it is too long, or others still wait to be written")
        return
    task = asyncio.create_task(_keep(user_id, site, line))
    writing.add(task)
    task.add_done_callback(writing.discard)


async def forget(user_id: int, site: str) -> None:
    """Drop all lines of the person at the site."""
    await in_database(RecentSearch.objects.filter(user_id=user_id, site=site).delete)


async def _keep(user_id: int, site: str, line: str) -> None:
    try:
        await in_database(_write, user_id, site, line)
    except Error as error:
        logger.warning("a search is not kept: %s", error)


def _read(user_id: int, site: str) -> list[str]:
    mine = RecentSearch.objects.filter(user_id=user_id, site=site)
    return list(dict.fromkeys(mine.values_list("line", flat=True)[:KEPT]))


@transaction.atomic
def _write(user_id: int, site: str, line: str) -> None:
    mine = RecentSearch.objects.filter(user_id=user_id, site=site)
    mine.filter(line=line).delete()
    RecentSearch.objects.create(user_id=user_id, site=site, line=line)
    kept = list(mine.values_list("pk", flat=True)[:KEPT])
    mine.exclude(pk__in=kept).delete()
