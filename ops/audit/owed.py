"""Audit rows that the database did not accept in time, retried until it does.

They are kept in memory: if the process ends before the database is back, only "started" is in
the log, which reads as unknown.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

from django.db import DatabaseError

from ops.actor import request_id
from ops.audit.models import AuditEntry, Outcome
from ops.database import in_database

AGAIN = 1.0  # seconds between two attempts
MOST = 1_000
Record = Callable[[], Awaitable[object]]
log = logging.getLogger(__name__)
tasks: set[asyncio.Task[None]] = set()


def written(record: Record) -> asyncio.Future[object]:
    """Start to write a row, and retry until the database accepts it.

    The future has the result of the first attempt.
    """
    first = asyncio.ensure_future(record())
    _keep(_until_written(first, record))
    return first


def close(started: asyncio.Future[Any], action: str, record: Record) -> None:
    """Write an outcome after a "started" row that came too late, if that row was written."""
    _keep(_closed(started, action, record))


async def _until_written(first: asyncio.Future[object], record: Record) -> None:
    try:
        await asyncio.shield(first)
    except DatabaseError:
        await _persistently(record)


async def _closed(started: asyncio.Future[Any], action: str, record: Record) -> None:
    try:
        await started
    except DatabaseError:

        async def record_if_started() -> None:
            if await in_database(_stands_alone, request_id(), action):
                await record()

        # The row may have been written although the answer was lost.
        await _persistently(record_if_started)
    else:
        await _persistently(record)


async def _persistently(record: Record) -> None:
    while len(tasks) <= MOST:
        try:
            await record()
        except DatabaseError:
            await asyncio.sleep(AGAIN)
        else:
            return
    log.error("too many audit rows are waiting: one outcome is dropped and will read as unknown")


def _stands_alone(request: str, action: str) -> bool:
    rows = AuditEntry.objects.filter(request_id=request, action=action)
    started = rows.filter(outcome=Outcome.STARTED).count()
    return started > rows.exclude(outcome=Outcome.STARTED).count()


def _keep(work: Coroutine[Any, Any, None]) -> None:
    task = asyncio.create_task(work)
    tasks.add(task)
    task.add_done_callback(tasks.discard)
