"""Time, and waiting for it; tests use a clock that they move themselves."""

import asyncio
import time


class Clock:
    """The system's clock."""

    def wall(self) -> float:
        """Return the seconds since 1970, the same in all processes."""
        return time.time()

    def monotonic(self) -> float:
        """Return seconds since an arbitrary moment; they never go back."""
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        await asyncio.sleep(seconds)


SYSTEM_CLOCK = Clock()
