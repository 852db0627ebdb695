"""Time, and waiting for it; tests have a clock of their own, which moves when they move it."""

import asyncio
import time


class Clock:
    """The system's clock."""

    def wall(self) -> float:
        """Return the seconds since 1970, the same in all processes."""
        return time.time()

    def monotonic(self) -> float:
        """Return seconds that nobody sets back, since any moment."""
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        await asyncio.sleep(seconds)


SYSTEM_CLOCK = Clock()
