"""Who may post an answer, and whether some of it may be in Slack already.

That is written down right before a call, and taken back when Slack surely did nothing: not while
an answer waits for its turn under the rate limit. Who is killed as it waits has said nothing, and
another process answers.
"""

import time
from collections.abc import Awaitable, Callable

from bot.models import State


class TakenOverError(Exception):
    """Another process gives this answer."""


class Claim:
    """One answer's; `advance` writes down its state, False where it is another process's.

    While `posting` some of the answer may be in Slack. `made` is when it was there to be given, in
    seconds of the monotonic clock.
    """

    def __init__(self, advance: Callable[[State], Awaitable[bool]]) -> None:
        self._advance = advance
        self.made = time.monotonic()
        self.posting = False
        self._some_shown = False

    async def begin(self) -> None:
        """Allow a call that shows some of the answer; raises TakenOverError."""
        if self.posting:  # and what was called before was not taken back
            self._some_shown = True
            return
        self.posting = True
        if not await self._advance(State.POSTING):
            self.posting = False
            raise TakenOverError

    async def take_back(self) -> None:
        """Slack did nothing in the last call."""
        if not self._some_shown:
            self.posting = False
            await self._advance(State.WORKING)
