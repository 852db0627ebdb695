"""Waiting jobs, taken in turns by author.

Nobody waits for another person's flood:

    alice   a1 a2 a3 a4 ...
    bob     b1 b2              taken: a1 b1 c1 a2 b2 a3 a4 ...
    carol   c1

A thread's jobs keep their order, whoever asked.
"""

from collections import deque
from collections.abc import Callable

from bot.slack.jobs import Job


class FairQueue:
    """Jobs in the order of arrival for each author."""

    def __init__(self) -> None:
        self._queues: dict[str, deque[Job]] = {}  # in the order of their next turns
        self._lanes: dict[tuple[str, str], deque[Job]] = {}

    def __len__(self) -> int:
        """Return how many jobs wait."""
        return sum(map(len, self._queues.values()))

    def count(self, author: str) -> int:
        """Return how many jobs of one author wait."""
        return len(self._queues.get(author, ()))

    def put(self, job: Job) -> None:
        """Add a job."""
        self._queues.setdefault(job.author, deque()).append(job)
        self._lanes.setdefault(job.lane, deque()).append(job)

    def take(self, is_ready: Callable[[Job], bool]) -> Job | None:
        """Take the next job that is ready, None if there is none; then it is the others' turn."""
        for author, queue in self._queues.items():
            firsts = (job for job in queue if self._lanes[job.lane][0] is job)
            job = next(filter(is_ready, firsts), None)
            if job is not None:
                queue.remove(job)
                del self._queues[author]
                if queue:
                    self._queues[author] = queue
                self._leave_lane(job)
                return job
        return None

    def clear(self) -> None:
        """Drop all jobs."""
        self._queues.clear()
        self._lanes.clear()

    def _leave_lane(self, job: Job) -> None:
        lane = self._lanes[job.lane]
        lane.popleft()
        if not lane:
            del self._lanes[job.lane]
