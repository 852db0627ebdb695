"""The common base of all parts: the address, what was refused, one clock, and how tests wait."""

import asyncio
import itertools
import time
from collections.abc import Callable, Coroutine
from typing import Any

from .blocks import Json

SECONDS = 60.0  # a test that waits longer for something has failed


class Refusal(Exception):
    """Slack refuses a call; `code` is its error, `more` are further fields of the answer."""

    def __init__(self, code: str, **more: Any) -> None:
        super().__init__(code)
        self.code = code
        self.more = more


class Shared:
    """The address of all parts, their refusals, and one clock for all messages."""

    def __init__(self) -> None:
        self.host = ""
        self.clock: Callable[[], float] = time.monotonic
        """Seconds; a test may set another one, for Slack's limits to count by."""
        self.violations: list[str] = []
        self.enterprise = ""
        """The organization that the workspace belongs to."""
        self.org_wide = False
        """Whether the app is installed for the organization, not in the workspace."""
        self.said: dict[tuple[str, str], Json] = {}
        """The messages of users, by channel and ts."""
        self._tickets: set[str] = set()
        self._triggers: dict[str, float] = {}
        self._changed = asyncio.Condition()
        self._clock = itertools.count(1_760_005_930)
        self._tasks: set[asyncio.Task[Any]] = set()

    def _ts(self) -> str:
        return f"{next(self._clock)}.000100"

    def _in_background(self, work: Coroutine[Any, Any, Any]) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _tell(self) -> None:
        """Let all waiting tests check their conditions."""
        async with self._changed:
            self._changed.notify_all()

    async def _until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(SECONDS), self._changed:
            await self._changed.wait_for(condition)
