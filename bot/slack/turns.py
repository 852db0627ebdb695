"""A lock for which names take turns: after one of alice's, bob comes before her next."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class Turns:
    """A lock; those who wait under the same name get it in the order in which they came."""

    def __init__(self) -> None:
        self._waiting: dict[str, deque[asyncio.Future[None]]] = {}  # in the order of their turns
        self._held = False
        self._last = ""

    @asynccontextmanager
    async def turn(self, name: str) -> AsyncIterator[None]:
        """Wait for a turn, and hold the lock until the block ends."""
        await self._acquire(name)
        try:
            yield
        finally:
            self._release()

    async def _acquire(self, name: str) -> None:
        if not self._held:
            self._held, self._last = True, name
            return
        turn = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(name, deque()).append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():  # it became ours, and nobody else knows
                self._release()
            raise

    def _release(self) -> None:
        while self._waiting:
            # Not the same name again while there is another.
            name = next((each for each in self._waiting if each != self._last), self._last)
            queue = self._waiting.pop(name)
            turn = queue.popleft()
            if queue:
                self._waiting[name] = queue
            if not turn.done():
                self._last = name
                turn.set_result(None)
                return
        self._held = False
