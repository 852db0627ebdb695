"""The claim to post an answer, and whether part of it may already be in Slack.

    wait for the rate limit      WORKING   killed now: another process answers
      begin()
    call Slack                   POSTING   killed now: UNKNOWN, nobody posts it again
      |
      +-- posted ------------->  POSTING   the rest of the answer follows under the same claim
      +-- definitely not ----->  WORKING   take_back(), then wait and try again
      +-- no answer ---------->  POSTING   it may be there: no take_back() any more

The claim is recorded as late as possible and taken back as soon as possible, because whatever is
POSTING when its process is killed stays without an answer.
"""

from collections.abc import Awaitable, Callable

from bot.models import State
from bot.slack.clock import SYSTEM_CLOCK, Clock


class TakenOverError(Exception):
    """Another process is giving this answer."""


class PostClaim:
    """The claim to one answer; `advance` records its state, False if another process has it.

    While `posting`, part of the answer may be in Slack. `made` is when the answer was ready, in
    seconds of the monotonic clock. `asker` is who gets it, "" if nobody asked. `refused` is
    Slack's error code if it will not take part of the answer.
    """

    def __init__(
        self,
        advance: Callable[[State], Awaitable[bool]],
        clock: Clock = SYSTEM_CLOCK,
        asker: str = "",
    ) -> None:
        self._advance = advance
        self.asker = asker
        self.refused = ""
        self.made = clock.monotonic()
        self.posting = False
        self._some_shown = False

    async def begin(self) -> None:
        """Record that a call is about to show part of the answer; raises TakenOverError."""
        if self.posting:  # the previous call was not taken back, so part of it may be shown
            self._some_shown = True
            return
        self.posting = True  # before the write, which may succeed although we are cancelled
        if not await self._advance(State.POSTING):
            self.posting = False
            raise TakenOverError

    async def take_back(self, refused: str = "") -> None:
        """Record that Slack did nothing in the last call; `refused` is why it never will."""
        self.refused = refused or self.refused
        if not self._some_shown:
            self.posting = False
            await self._advance(State.WORKING)
