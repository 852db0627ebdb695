"""How long the bot waits, and by which clock."""

import random
from dataclasses import dataclass

from bot.slack.clock import SYSTEM_CLOCK, Clock
from bot.slack.deadlines import USUAL_DEADLINES, Deadlines
from bot.slack.rate_limit import USUAL_LIMITS, Limits

_dice = random.SystemRandom()


@dataclass(frozen=True, slots=True)
class Timing:
    """The bot's intervals in seconds, Slack's rate limits, the database's deadlines, the clock."""

    ping: float = 5.0  # between pings
    deaf: float = 20.0  # of silence until a connection counts as dead
    linger: float = 15.0  # that an old connection stays open for Slack to close
    first_wait: float = 1.0  # before the first retry
    longest_unreached: float = 3.0  # between retries if Slack cannot be reached
    longest_refused: float = 60.0  # between retries if Slack refuses
    tend: float = 10.0  # between checks for abandoned messages and cards
    placeholder: float = 0.8  # until a slow answer is announced
    gather: float = 2.0  # that a flood lasts until its author gets the number of messages left
    recount: float = 15.0  # between corrections of that number
    beat: float = 3.0  # between status reports
    token: float = 60.0  # between checks of the token
    grace: float = 5.0  # for answers in progress when the bot stops
    limits: Limits = USUAL_LIMITS
    deadlines: Deadlines = USUAL_DEADLINES
    clock: Clock = SYSTEM_CLOCK


USUAL = Timing()


class Backoff:
    """Wait longer each time, with jitter so that processes do not reconnect together."""

    def __init__(self, timing: Timing) -> None:
        self.timing = timing
        self.reset()

    def reset(self) -> None:
        """Start again from the shortest wait, after a success."""
        self._most = 2 * self.timing.first_wait

    def seconds(self, longest: float) -> float:
        """Return how long to wait this time, at most `longest`."""
        seconds = _dice.uniform(self.timing.first_wait, min(self._most, longest))
        # It grows even while `longest` is short, for the case that Slack refuses next.
        self._most = min(2 * self._most, self.timing.longest_refused)
        return seconds

    async def pause(self, longest: float, asked: float | None = None) -> None:
        """Wait at most `longest` seconds, or exactly as long as Slack asked."""
        await self.timing.clock.sleep(self.seconds(longest) if asked is None else asked)
