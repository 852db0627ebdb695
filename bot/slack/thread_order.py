"""Keep the answers of a thread in the order of its questions, whichever process gives them.

Slack spreads the messages of a thread over the connections, so over the processes:

    thread    1.0 "change sampling always"    2.0 "sampling"    3.0 "list traces"
    process   A                               B                 A
    A         in the pool                                       waits for 2.0
    B                                         waits for 1.0

A message waits here while another process still has to answer an earlier one of its thread, which
the database knows. Messages of the same process need not wait here: the pool answers them one
after the other. They do not wait for other processes in the pool, which must have room for
messages taken over from a lost process, maybe the very ones that they wait for.
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
from bot.slack import event_store, metrics
from bot.slack.deadlines import USUAL_DEADLINES, Deadlines
from bot.slack.jobs import Job
from ops.database import in_database
from ops.metrics import watched

AGAIN = 0.3  # seconds between two checks of the waiting messages
BURST = 8  # more messages than this are a burst, which is recorded and acknowledged first:
BREATH = 0.1  # seconds of pause, because answering would slow the acknowledgements down
log = logging.getLogger(__name__)


class ThreadOrder:
    """Pass each job to `start` when its turn has come."""

    def __init__(
        self,
        start: Callable[[Job], object],
        clock: Callable[[], datetime] = timezone.now,
        deadlines: Deadlines = USUAL_DEADLINES,
    ) -> None:
        self.start = start
        self.clock = clock
        self.deadlines = deadlines
        self.waiting: list[Job] = []
        self._started: TTLCache[UUID, bool] = watched("threads", TTLCache(maxsize=20_000, ttl=900))
        self._added = asyncio.Event()

    def put(self, job: Job) -> None:
        """Add a job."""
        self.waiting.append(job)
        metrics.waiting.inc()
        self._added.set()

    async def run(self) -> None:
        """Start jobs in order until cancelled."""
        while True:
            # Another process does not notify us when it has answered.
            with suppress(TimeoutError):
                async with asyncio.timeout(AGAIN if self.waiting else None):
                    await self._added.wait()
            if len(self.waiting) > BURST:
                await asyncio.sleep(BREATH)
            self._added.clear()
            await self.start_ready()

    async def start_ready(self) -> None:
        """Start every job whose turn has come, earlier messages first."""
        # Slack's ts are decimals of the same length, so they sort as text.
        jobs = sorted(self.waiting, key=lambda job: job.row.ts)
        unanswered = await self._unanswered({job.row.thread for job in jobs})
        for job in jobs:
            # A job started in this loop no longer holds up the later ones: see _is_before.
            if not any(self._is_before(job.row, each) for each in unanswered):
                self.waiting.remove(job)
                metrics.waiting.dec()
                self._started[job.row.pk] = True
                self.start(job)

    def _is_before(self, row: ReceivedEvent, other: ReceivedEvent) -> bool:
        """Whether `row` must wait for `other`; the pool orders what was started here."""
        same_thread = (other.channel, other.thread) == (row.channel, row.thread)
        return same_thread and other.ts < row.ts and other.pk not in self._started

    async def _unanswered(self, threads: set[str]) -> list[ReceivedEvent]:
        try:
            async with asyncio.timeout(self.deadlines.order):
                return await in_database(event_store.unanswered, threads, self.clock())
        except (Error, TimeoutError) as error:
            log.warning("messages do not wait for earlier ones: %s", error or "no answer")
            return []
