"""In a thread the answers come in the order of the questions, whichever process gives them.

A message waits while another process has an earlier one of its thread to answer. It waits here,
not in the pool: what is taken over from a process that is gone must find room there.
"""

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from uuid import UUID

from cachetools import TTLCache
from django.db import Error
from django.utils import timezone

from bot.models import ReceivedEvent
from bot.slack import metrics, records
from bot.slack.jobs import Job
from ops.database import in_database
from ops.metrics import watched

SECONDS = 1.0  # that the database may take before nothing waits
AGAIN = 0.3  # seconds until those who wait are looked at again
BURST = 8  # so many at once are a burst: all of it is recorded and acknowledged first,
BREATH = 0.1  # for which answering would leave too little of the machine
log = logging.getLogger(__name__)


class ThreadOrder:
    """Gives each job to `begin` when it is its turn."""

    def __init__(
        self, begin: Callable[[Job], object], clock: Callable[[], datetime] = timezone.now
    ) -> None:
        self.begin = begin
        self.clock = clock
        self.waiting: list[Job] = []
        self._begun: TTLCache[UUID, bool] = watched("threads", TTLCache(maxsize=20_000, ttl=900))
        self._news = asyncio.Event()

    def put(self, job: Job) -> None:
        """Take a job in."""
        self.waiting.append(job)
        metrics.waiting.inc()
        self._news.set()

    async def give(self) -> None:
        """Give turns until cancelled."""
        while True:
            # Another process's answer gives us no sign.
            with suppress(TimeoutError):
                async with asyncio.timeout(AGAIN if self.waiting else None):
                    await self._news.wait()
            if len(self.waiting) > BURST:
                await asyncio.sleep(BREATH)
            self._news.clear()
            await self.give_once()

    async def give_once(self) -> None:
        """Begin with all whose turn it is, earlier messages first."""
        jobs = sorted(self.waiting, key=lambda job: job.row.ts)
        unanswered = await self._unanswered({job.row.thread for job in jobs})
        for job in jobs:
            if not any(self._is_before(job.row, each) for each in unanswered):
                self.waiting.remove(job)
                metrics.waiting.dec()
                self._begun[job.row.pk] = True
                self.begin(job)

    def _is_before(self, row: ReceivedEvent, other: ReceivedEvent) -> bool:
        """The pool keeps in order what has begun here."""
        same_thread = (other.channel, other.thread) == (row.channel, row.thread)
        return same_thread and other.ts < row.ts and other.pk not in self._begun

    async def _unanswered(self, threads: set[str]) -> list[ReceivedEvent]:
        try:
            async with asyncio.timeout(SECONDS):
                return await in_database(records.unanswered, threads, self.clock())
        except (Error, TimeoutError) as error:
            log.warning("no message waits for an earlier one: %s", error or "no answer")
            return []
