"""Record each message once for all bot processes, then acknowledge it, then answer it.

    Slack      receive          the one writer       database
      | envelope  |                   |                  |
      |---------->| take: known?      |                  |
      |           |------------------>| INSERT a burst   |
      |           |                   |----------------->| unique keys: ours, or another's?
      |           |<---- job.recorded ------------------ |
      |<----------| acknowledge                          |
      |           | if ours: ThreadOrder, WorkerPool, ...

Slack sends an envelope again, to any of the processes, unless it is acknowledged within three
seconds; acknowledging first could lose a message with its process. A single task writes to the
database, because one transaction for a burst is faster than one for each message. If the database
does not answer, messages are acknowledged anyway and stay in memory until it does.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Callable
from datetime import datetime, timedelta
from itertools import islice
from uuid import UUID

from cachetools import TTLCache
from django.db import Error
from django.utils import timezone

from bot.models import State
from bot.slack import event_store, metrics
from bot.slack.deadlines import USUAL_DEADLINES, Deadlines
from bot.slack.jobs import Event, Job, abandoned_job, new_job
from ops.database import in_database
from ops.errors import OpsError
from ops.metrics import watched

RETRY_SECONDS = 0.5
AWAY = timedelta(seconds=5)  # if renewing a lease takes longer, the database was away
BURST = 500
SEEN_SECONDS = 900  # Slack repeats an event for about five minutes
Clock = Callable[[], datetime]
log = logging.getLogger(__name__)


class Inbox:
    """The messages of one bot process, whose name in the database is `name`."""

    def __init__(
        self, name: str, clock: Clock = timezone.now, deadlines: Deadlines = USUAL_DEADLINES
    ) -> None:
        self.name = name
        self.clock = clock
        self.deadlines = deadlines
        self.seen: TTLCache[str, Job] = watched(
            "messages seen", TTLCache(maxsize=20_000, ttl=SEEN_SECONDS)
        )
        self.held_until = clock()
        self._away = False
        self._new: deque[Job] = deque()
        self._finished: dict[UUID, State] = {}
        self._gathered = asyncio.Event()

    def take(self, payload: Event) -> tuple[Job, bool]:
        """Return the job of an event, and whether this process sees it for the first time.

        Slack repeats events, and can send one message as two events.
        """
        job = new_job(payload, self.name, self.clock())
        # Not by envelope ID, which is new when Slack repeats an event.
        keys = (f"event {job.row.event_id}", f"{job.row.channel} {job.row.ts}")
        for key in keys:
            if (known := self.seen.get(key)) is not None:
                return known, False
        self.seen.update(dict.fromkeys(keys, job))
        self._new.append(job)
        self._gathered.set()
        return job, True

    async def wait_until_recorded(self, job: Job) -> None:
        """Wait until the job is recorded, but not longer than Slack's deadline allows."""
        try:
            # Shielded, because a copy of the envelope may wait for the same future.
            await asyncio.wait_for(asyncio.shield(job.recorded), self.deadlines.record)
        except TimeoutError:
            if not (job.at_risk or job.recorded.done()):
                job.at_risk = True
                metrics.at_risk.inc()
                metrics.unrecorded.inc()

    async def advance(self, job: Job, state: State, *, surely: bool = False) -> bool:
        """Record the state of an answer; returns False if another process gives the answer.

        If the database does not answer, the lease decides, or with `surely` OpsError is raised.
        """
        limit = self.deadlines.record_change if surely else self.deadlines.record
        try:
            async with asyncio.timeout(limit):
                if surely:
                    await asyncio.shield(job.recorded)
                if not job.recorded.done():
                    return True  # it is only in our memory, so nobody else can answer it
                return job.recorded.result() and await self._mark(job, state)
        except (Error, TimeoutError) as error:
            if surely:
                raise OpsError(
                    "the database did not answer, so nothing was changed: a change must be "
                    "recorded before it is made; check the database, then try again"
                ) from error
            # Until the lease ends, no other process can have taken it over.
            return self.clock() < max(job.row.lease_until, self.held_until)

    async def _mark(self, job: Job, state: State) -> bool:
        """Write a state; even if the caller stops waiting, it is written before the next one."""

        async def mark() -> bool:
            # A write that the caller no longer waits for must not overtake the next one:
            # "working" after "posting" would let another process post the answer again.
            async with job.marking:
                return await in_database(event_store.advance, job.row.pk, self.name, state)

        return await asyncio.shield(asyncio.ensure_future(mark()))

    async def hold_place(self, job: Job, placeholder: str) -> None:
        """Record which message the answer will replace; if this fails, the message may remain."""
        job.row.placeholder = placeholder
        try:
            async with asyncio.timeout(self.deadlines.record):
                await asyncio.shield(job.recorded)
                await in_database(event_store.hold_place, job.row.pk, job.row.placeholder)
        except (Error, TimeoutError) as error:
            log.warning("a placeholder could not be recorded: %s", error or "no answer")

    def finish(self, job: Job, state: State) -> None:
        """Record how a message ended, with the next write."""
        metrics.events.labels(state.value).inc()
        self._finished[job.row.pk] = state
        self._gathered.set()

    async def write(self) -> None:
        """Write new and finished messages until cancelled."""
        while True:
            await self._gathered.wait()
            self._gathered.clear()
            while self._new or self._finished:
                if not await self._write_burst():
                    await asyncio.sleep(RETRY_SECONDS)

    async def pick_up(self, most: int) -> list[Job]:
        """Renew our leases and return at most `most` messages of processes that are gone.

        All leases expire while the database is away, so when it is back, none is taken over yet.
        """
        # Renewing is the test: after an outage, or a renewal that took long, the others get one
        # more round to renew their own leases before we look for expired ones.
        now, was_away = self.clock(), self._away
        try:
            await in_database(event_store.renew, self.name, now)
            # Measured from before the call, so that it never ends after the stored lease.
            self.held_until = now + event_store.LEASE
            self._away = self.clock() - now > AWAY
            if was_away or self._away:
                return []
            rows = await in_database(event_store.take_over, self.name, now, most)
        except Error as error:
            log.warning("the bot's leases cannot be renewed: %s", error)
            self._away = True
            return []
        return [abandoned_job(row) for row in rows]

    async def close(self) -> None:
        """Write the rest and release what was not started; raises nothing."""
        try:
            while self._new or self._finished:
                if not await self._write_burst():
                    return
            await in_database(event_store.release, self.name, self.clock())
        except Error as error:
            log.warning("the bot's messages are only released when their leases expire: %s", error)

    async def _write_burst(self) -> bool:
        jobs = list(islice(self._new, BURST))
        finished = dict(self._finished)
        rows = [job.row for job in jobs]
        try:
            ours = await in_database(event_store.write, rows, finished, self.clock())
        except Error as error:
            log.warning("%s messages could not be recorded yet: %s", len(self._new), error)
            return False
        # Only now: after an error the same burst is written again, with the same result.
        for key in finished:
            del self._finished[key]
        for job in jobs:
            self._new.popleft()
            job.recorded.set_result(job.row.pk in ours)
            if job.at_risk:
                metrics.unrecorded.dec()
        return True
