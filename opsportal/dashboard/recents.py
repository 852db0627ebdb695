"""The last searches of each person, kept so that they can be repeated; nobody else sees them.

A page that only reads must neither fail nor wait because this cannot be written or read.
"""

import asyncio
import logging
from collections.abc import Awaitable
from typing import Any, TypeVar

from django.db import DatabaseError
from django.utils import timezone

from ops.database import in_database
from opsportal.models import RecentSearch

T = TypeVar("T")

MOST = 20
LONGEST = 2_000
PATIENCE = 0.5  # seconds
log = logging.getLogger(__name__)


async def recent(user_id: int, site: str) -> list[str]:
    """Return the lines, the newest first; none when they cannot be had soon."""
    return await _soon(in_database(_read, user_id, site)) or []


async def remember(user_id: int, site: str, line: str) -> None:
    """Put a line first; it may come to nothing."""
    if 0 < len(line) <= LONGEST:
        await _soon(in_database(_write, user_id, site, line))


async def forget(user_id: int, site: str) -> None:
    """Remove all of a person's lines of a site; raises DatabaseError."""
    await in_database(_remove, user_id, site)


def _read(user_id: int, site: str) -> list[str]:
    found = RecentSearch.objects.filter(user_id=user_id, site=site).order_by("-at", "-id")
    return list(found.values_list("line", flat=True)[:MOST])


def _write(user_id: int, site: str, line: str) -> None:
    mine = RecentSearch.objects.filter(user_id=user_id, site=site)
    mine.filter(line=line).delete()
    mine.create(user_id=user_id, site=site, line=line, at=timezone.now())
    kept = mine.order_by("-at", "-id").values_list("id", flat=True)[:MOST]
    mine.exclude(id__in=list(kept)).delete()


def _remove(user_id: int, site: str) -> None:
    RecentSearch.objects.filter(user_id=user_id, site=site).delete()


async def _soon(work: Awaitable[T]) -> T | None:
    """Wait a little; what is not done by then goes on without anybody waiting."""
    task = asyncio.ensure_future(work)
    _under_way.add(task)
    task.add_done_callback(_done)
    done, _ = await asyncio.wait({task}, timeout=PATIENCE)
    return task.result() if done and task.exception() is None else None


def _done(task: asyncio.Future[Any]) -> None:
    _under_way.discard(task)
    if not task.cancelled() and (error := task.exception()):
        if not isinstance(error, DatabaseError):
            raise error
        log.warning("recent searches cannot be read or written: %s", error)


_under_way: set[asyncio.Future[Any]] = set()
