"""The claim to post an answer, and whether part of it may already be in Slack.

The claim is recorded right before a call to Slack, and taken back if Slack definitely did
nothing. It is not recorded while an answer waits for the rate limit, so that if the process is
killed then, another one answers.
"""

import time
from collections.abc import Awaitable, Callable

from bot.models import State


class TakenOverError(Exception):
    """Another process is giving this answer."""


class PostClaim:
    """The claim to one answer; `advance` records its state, False if another process has it.

    While `posting`, part of the answer may be in Slack. `made` is when the answer was ready, in
    seconds of the monotonic clock.
    """

    def __init__(self, advance: Callable[[State], Awaitable[bool]]) -> None:
        self._advance = advance
        self.made = time.monotonic()
        self.posting = False
        self._some_shown = False

    async def begin(self) -> None:
        """Record that a call is about to show part of the answer; raises TakenOverError."""
        if self.posting:  # the previous call was not taken back
            self._some_shown = True
            return
        self.posting = True
        if not await self._advance(State.POSTING):
            self.posting = False
            raise TakenOverError

    async def take_back(self) -> None:
        """Record that Slack did nothing in the last call."""
        if not self._some_shown:
            self.posting = False
            await self._advance(State.WORKING)
