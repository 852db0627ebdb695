"""How long the bot waits for Slack."""

import asyncio
import random
from dataclasses import dataclass

from bot.slack.pace import USUAL_LIMITS, Limits

_dice = random.SystemRandom()


@dataclass(frozen=True, slots=True)
class Timing:
    """All in seconds.

    Between pings; of silence until a connection counts as dead; that an old one stays open for
    Slack to close; between attempts at first, at most when Slack cannot be reached, and at
    most when it refuses; between two looks for what other processes have abandoned; until
    whoever waits for an answer is told that it takes a while; between two words to the other
    processes and the dashboard; between two checks of the bot's token. And how
    fast Slack lets us write.
    """

    ping: float = 5.0
    deaf: float = 20.0
    linger: float = 15.0
    first_wait: float = 1.0
    longest_unreached: float = 3.0
    longest_refused: float = 60.0
    tend: float = 10.0
    placeholder: float = 0.8
    beat: float = 3.0
    token: float = 60.0
    limits: Limits = USUAL_LIMITS


USUAL = Timing()


class Backoff:
    """Waits longer each time, at random, so that processes do not come back together."""

    def __init__(self, timing: Timing) -> None:
        self.timing = timing
        self.reset()

    def reset(self) -> None:
        """Begin anew: it went well."""
        self._most = 2 * self.timing.first_wait

    def seconds(self, longest: float) -> float:
        """Return how long to wait this time."""
        seconds = _dice.uniform(self.timing.first_wait, min(self._most, longest))
        self._most = min(2 * self._most, self.timing.longest_refused)
        return seconds

    async def pause(self, longest: float, asked: float | None = None) -> None:
        """Wait: at most `longest` seconds, or exactly what Slack has asked for."""
        await asyncio.sleep(self.seconds(longest) if asked is None else asked)
