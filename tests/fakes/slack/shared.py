"""The common base of the Web API and Socket Mode, and how tests wait for either."""

import asyncio
import itertools
import time
from collections.abc import Callable

SECONDS = 60.0  # a test that waits longer for something has failed


class Shared:
    """The address of both, their refusals, and one clock for all messages."""

    def __init__(self) -> None:
        self.host = ""
        self.clock: Callable[[], float] = time.monotonic
        """Seconds; a test may set another one, for Slack's limits to count by."""
        self.violations: list[str] = []
        self.enterprise = ""
        """The organization that the workspace belongs to."""
        self.org_wide = False
        """Whether the app is installed for the organization, not in the workspace."""
        self._tickets: set[str] = set()
        self._changed = asyncio.Condition()
        self._clock = itertools.count(1_760_005_930)

    def _ts(self) -> str:
        return f"{next(self._clock)}.000100"

    async def _tell(self) -> None:
        """Let all waiting tests check their conditions."""
        async with self._changed:
            self._changed.notify_all()

    async def _until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(SECONDS), self._changed:
            await self._changed.wait_for(condition)
