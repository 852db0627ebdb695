"""So many messages are answered at once, each thread's one after the other; the others wait.

An answer that is to be posted stands aside: a channel that Slack limits holds up no other.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable

from bot.slack import metrics
from bot.slack.letters import Letter

Work = Callable[[Letter], Awaitable[None]]


class Pool:
    """Runs `work`, which raises nothing, for letters in the order in which they came."""

    def __init__(self, work: Work, *, at_once: int) -> None:
        self.work = work
        self.at_once = at_once
        self.waiting: deque[Letter] = deque()
        self.working: dict[asyncio.Task[None], Letter] = {}
        self._aside: set[Letter] = set()

    def __len__(self) -> int:
        """How many letters are not done with."""
        return len(self.waiting) + len(self.working)

    def put(self, letter: Letter) -> None:
        """Take a letter in."""
        self.waiting.append(letter)
        metrics.waiting.inc()
        self._start()

    def stand_aside(self, letter: Letter) -> None:
        """Work on another letter meanwhile; what is left of this one's work is to wait.

        Its thread goes on waiting for it.
        """
        self._aside.add(letter)
        self._start()

    async def finish(self, seconds: float) -> None:
        """Begin with nothing more and let what is under way end, but not for long."""
        metrics.waiting.dec(len(self.waiting))
        self.waiting.clear()
        if self.working:
            _, late = await asyncio.wait(self.working, timeout=seconds)
            for task in late:
                task.cancel()

    def _start(self) -> None:
        while len(self.working) - len(self._aside) < self.at_once:
            letter = self._next()
            if letter is None:
                return
            self.waiting.remove(letter)
            metrics.waiting.dec()
            metrics.working.inc()
            task = asyncio.ensure_future(self.work(letter))
            self.working[task] = letter
            task.add_done_callback(self._done)

    def _next(self) -> Letter | None:
        """The first letter whose thread nobody answers in at the moment."""
        busy = {letter.lane for letter in self.working.values()}
        return next((letter for letter in self.waiting if letter.lane not in busy), None)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._aside.discard(self.working.pop(task))
        metrics.working.dec()
        self._start()
