"""So many messages are answered at once, so many wait, each thread's one after the other."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable

from bot.slack import metrics
from bot.slack.letters import Letter

Work = Callable[[Letter], Awaitable[None]]


class Pool:
    """Runs `work`, which raises nothing, for letters in the order in which they came."""

    def __init__(self, work: Work, *, at_once: int, most_waiting: int) -> None:
        self.work = work
        self.at_once = at_once
        self.most_waiting = most_waiting
        self.waiting: deque[Letter] = deque()
        self.working: dict[asyncio.Task[None], Letter] = {}

    @property
    def room(self) -> int:
        """How many more letters may wait."""
        return self.most_waiting - len(self.waiting)

    def put(self, letter: Letter) -> bool:
        """Take a letter in; False when too many wait already."""
        if self.room <= 0:
            return False
        self.waiting.append(letter)
        metrics.waiting.inc()
        self._start()
        return True

    async def finish(self, seconds: float) -> None:
        """Begin with nothing more and let what is under way end, but not for long."""
        metrics.waiting.dec(len(self.waiting))
        self.waiting.clear()
        if self.working:
            _, late = await asyncio.wait(self.working, timeout=seconds)
            for task in late:
                task.cancel()

    def _start(self) -> None:
        while len(self.working) < self.at_once and (letter := self._next()) is not None:
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
        del self.working[task]
        metrics.working.dec()
        self._start()
