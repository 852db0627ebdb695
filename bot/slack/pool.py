"""So many messages are answered at once, each thread's one after the other; the others wait.

An answer that is to be posted stands aside: a channel that Slack limits holds up no other. And a
few that a slow backend has for long are not counted: whoever comes behind them is heard, too.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable

from bot.slack import metrics
from bot.slack.jobs import Job

Work = Callable[[Job], Awaitable[None]]


class Pool:
    """Runs `work`, which raises nothing, for jobs in the order in which they came.

    It works on so many `at_once`, and beside them on slow ones, `most_slow` at most.
    """

    def __init__(self, work: Work, *, at_once: int, most_slow: int = 0) -> None:
        self.work = work
        self.at_once = at_once
        self.most_slow = most_slow
        self.waiting: deque[Job] = deque()
        self.working: dict[asyncio.Task[None], Job] = {}
        self._aside: set[Job] = set()
        self._slow: set[Job] = set()

    def __len__(self) -> int:
        """How many jobs are not done with."""
        return len(self.waiting) + len(self.working)

    def put(self, job: Job) -> None:
        """Take a job in."""
        self.waiting.append(job)
        metrics.waiting.inc()
        self._start()

    def stand_aside(self, job: Job) -> None:
        """Work on another job meanwhile; what is left of this one's work is to wait.

        Its thread goes on waiting for it.
        """
        self._slow.discard(job)
        self._aside.add(job)
        self._start()

    def note_slow(self, job: Job) -> None:
        """Work on another job beside this one, whose backend takes long."""
        if job not in self._aside:
            self._slow.add(job)
            self._start()

    async def finish(self, seconds: float) -> None:
        """Begin with nothing more and let what is under way end, but not for long."""
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
            job = self._next()
            if job is None:
                return
            self.waiting.remove(job)
            metrics.waiting.dec()
            metrics.working.inc()
            task = asyncio.ensure_future(self.work(job))
            self.working[task] = job
            task.add_done_callback(self._done)

    def _counted(self) -> int:
        return len(self.working) - len(self._aside) - min(len(self._slow), self.most_slow)

    def _next(self) -> Job | None:
        """The first job whose thread nobody answers in at the moment."""
        busy = {job.lane for job in self.working.values()}
        return next((job for job in self.waiting if job.lane not in busy), None)

    def _done(self, task: asyncio.Task[None]) -> None:
        job = self.working.pop(task)
        self._aside.discard(job)
        self._slow.discard(job)
        metrics.working.dec()
        self._start()
