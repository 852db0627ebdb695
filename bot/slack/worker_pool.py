"""Answer a limited number of messages at once, one at a time in each thread; the rest wait.

    waiting --> working     counts towards `at_once`
                   | note_slow()   waits for a slow backend: up to `most_slow` do not count
                   | free_slot()   waits for Slack's rate limit: does not count
                   v
                  done

An answer that is ready to post does not count towards the limit, so that a channel limited by
Slack does not delay the others. A few messages that wait for a slow backend do not count either,
because a person who asks about another backend meanwhile should not wait for it.

Authors take turns, and each has a share: so many jobs at once, apart from those that only wait
for the rate limit of another channel. So a flood delays its own author.
"""

import asyncio
from collections.abc import Awaitable, Callable, Collection
from functools import partial

from bot.slack import metrics
from bot.slack.fair_queue import FairQueue
from bot.slack.jobs import Job

Work = Callable[[Job], Awaitable[None]]


class WorkerPool:
    """Run `work`, which must not raise, for each job.

    It runs up to `at_once` jobs, plus up to `most_slow` slow ones, and up to `share` of one author.
    """

    def __init__(self, work: Work, *, at_once: int, share: int, most_slow: int = 0) -> None:
        self.work = work
        self.at_once = at_once
        self.share = share
        self.most_slow = most_slow
        self.waiting = FairQueue()
        self.working: dict[asyncio.Task[None], Job] = {}
        self._aside: set[Job] = set()
        self._slow: set[Job] = set()

    def __len__(self) -> int:
        """Return how many jobs are not finished."""
        return len(self.waiting) + len(self.working)

    def count(self, author: str) -> int:
        """Return how many jobs of one author are not finished."""
        return self.waiting.count(author) + len(self._working_of(author))

    def put(self, job: Job) -> None:
        """Add a job."""
        self.waiting.put(job)
        metrics.waiting.inc()
        self._start()

    def free_slot(self, job: Job) -> None:
        """Start another job, because all that is left of this one is waiting.

        The jobs of its thread keep waiting for it.
        """
        self._slow.discard(job)
        self._aside.add(job)
        self._start()

    def note_slow(self, job: Job) -> None:
        """Start another job beside this one, whose backend is slow."""
        if job not in self._aside:
            self._slow.add(job)
            self._start()

    async def finish(self, seconds: float) -> None:
        """Start no more jobs; give the running ones this many seconds, then cancel them."""
        metrics.waiting.dec(len(self.waiting))
        self.waiting.clear()
        if self.working:
            _, late = await asyncio.wait(self.working, timeout=seconds)
            for task in late:
                task.cancel()
            if late:
                await asyncio.wait(late)

    def _start(self) -> None:
        while self._counted() < self.at_once:
            # Jobs with a free slot still keep their thread busy: their answer is not posted yet.
            busy = {job.lane for job in self.working.values()}
            job = self.waiting.take(partial(self._is_ready, busy))
            if job is None:
                return
            metrics.waiting.dec()
            metrics.working.inc()
            task = asyncio.ensure_future(self.work(job))
            self.working[task] = job
            task.add_done_callback(self._done)

    def _counted(self) -> int:
        return len(self.working) - len(self._aside) - min(len(self._slow), self.most_slow)

    def _is_ready(self, busy: Collection[tuple[str, str]], job: Job) -> bool:
        """Return whether its thread has no job running, and its author less than their share."""
        if job.lane in busy:
            return False
        counted = (
            each not in self._aside or each.row.channel == job.row.channel
            for each in self._working_of(job.author)
        )
        return sum(counted) < self.share

    def _working_of(self, author: str) -> list[Job]:
        return [job for job in self.working.values() if job.author == author]

    def _done(self, task: asyncio.Task[None]) -> None:
        job = self.working.pop(task)
        self._aside.discard(job)
        self._slow.discard(job)
        metrics.working.dec()
        self._start()
