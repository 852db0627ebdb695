"""Waiting jobs, taken in turns by author.

Nobody waits for another person's flood:

    alice   a1 a2 a3 a4 ...
    bob     b1 b2              taken: a1 b1 c1 a2 b2 a3 a4 ...
    carol   c1
"""

from collections import deque
from collections.abc import Callable

from bot.slack.jobs import Job


class FairQueue:
    """Jobs in the order of arrival for each author."""

    def __init__(self) -> None:
        self._queues: dict[str, deque[Job]] = {}  # in the order of their next turns

    def __len__(self) -> int:
        """Return how many jobs wait."""
        return sum(map(len, self._queues.values()))

    def count(self, author: str) -> int:
        """Return how many jobs of one author wait."""
        return len(self._queues.get(author, ()))

    def put(self, job: Job) -> None:
        """Add a job."""
        self._queues.setdefault(job.author, deque()).append(job)

    def take(self, is_ready: Callable[[Job], bool]) -> Job | None:
        """Take the next job that is ready, None if there is none; then it is the others' turn."""
        for author, queue in self._queues.items():
            job = next(filter(is_ready, queue), None)
            if job is not None:
                queue.remove(job)
                del self._queues[author]
                if queue:
                    self._queues[author] = queue
                return job
        return None

    def clear(self) -> None:
        """Drop all jobs."""
        self._queues.clear()
