"""A clock for the bot that moves only when a test moves it."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from bot.slack.clock import Clock
from tests.fakes.slack import SECONDS

T = TypeVar("T")
NOON = 1_760_000_000.0
LITTLE = 50  # milliseconds, or longer on a busy machine


class FakeClock(Clock):
    """Both of the bot's clocks; whoever sleeps by it waits until a test lets the time pass."""

    def __init__(self, now: float = NOON) -> None:
        self.now = now
        self._sleepers: list[tuple[float, asyncio.Future[None]]] = []
        self._slept = asyncio.Event()

    def wall(self) -> float:
        return self.now

    def monotonic(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        if seconds <= 0:
            return
        due = asyncio.get_running_loop().create_future()
        self._sleepers.append((self.now + seconds, due))
        self._slept.set()
        await due

    def passes(self, seconds: float) -> None:
        """Let time pass, and wake whoever has slept long enough."""
        self.now += seconds
        for at, due in self._sleepers:
            if at <= self.now + 1e-6 and not due.done():  # sums of floats are not exact
                due.set_result(None)
        self._sleepers = [each for each in self._sleepers if not each[1].done()]

    async def sleeping(self, at_least: float = 0.0) -> float:
        """Wait until somebody sleeps for at least so many seconds; returns how many are left."""
        async with asyncio.timeout(SECONDS):
            while not (left := [s for s in self._left() if s >= at_least]):
                self._slept.clear()
                await self._slept.wait()
        return min(left)

    async def runs(self, work: Awaitable[T], at_work: Callable[[], int] = lambda: 0) -> T:
        """Let time pass from one sleeper to the next until the work is done.

        While one of those who are `at_work` does not sleep, it may be making a call that takes real
        time, so each step waits a little: otherwise a lease could be over before the call is.
        """
        working, waited = asyncio.ensure_future(work), 0
        while not working.done():
            sleeping = asyncio.ensure_future(self.sleeping())
            await asyncio.wait((working, sleeping), return_when=asyncio.FIRST_COMPLETED)
            if waited < LITTLE and len(self._left()) < at_work():
                waited += 1
                await asyncio.sleep(0.001)
            elif sleeping.done():
                waited = 0
                self.passes(sleeping.result())
            sleeping.cancel()
        return working.result()

    def _left(self) -> list[float]:
        return [at - self.now for at, due in self._sleepers if not due.done()]
