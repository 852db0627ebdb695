"""Sampling policies: how many of the traces that start in a service are kept."""

import math
import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from ops.errors import InvalidInput

UNKNOWN = "unknown"  # shown if the policy is unknown
MOST_PER_SECOND = 10_000
FORMS = "never, always, or a rate above 0 and up to 1 (0.1 or 10%), or traces per second (5/s)"
_PER_SECOND = re.compile(r"([0-9]{1,6}) ?(?:traces? ?)?/ ?s", re.IGNORECASE)
_RATE = re.compile(r"(?:(?:float|rate)\s+)?([^\s%]+)\s*(%?)", re.IGNORECASE)


class Strategy(StrEnum):
    """How the decision is made at the root of a trace."""

    NEVER = "never"
    ALWAYS = "always"
    RATE = "rate"
    PER_SECOND = "per_second"


@dataclass(frozen=True, slots=True)
class Policy:
    """Never, always, a rate 0 < rate <= 1, or at most so many traces per second and instance.

    `rate` is 0 for never and 1 for always; with PER_SECOND it is a whole number of traces, so ask
    for `share` to compare two policies. Raises InvalidInput for anything else.
    """

    strategy: Strategy
    rate: float

    def __post_init__(self) -> None:
        if not (math.isfinite(self.rate) and self._in_bounds()):
            raise refused(f"{self.rate:g}")

    def _in_bounds(self) -> bool:
        match self.strategy:
            case Strategy.NEVER:
                return self.rate == 0
            case Strategy.ALWAYS:
                return self.rate == 1
            case Strategy.RATE:
                return 0 < self.rate <= 1
            case Strategy.PER_SECOND:
                # A whole number, because that is all that remote sampling's protocol can carry.
                return self.rate in range(1, MOST_PER_SECOND + 1)

    @property
    def share(self) -> float | None:
        """The share of traces that it keeps, None if that depends on how many there are."""
        return None if self.strategy is Strategy.PER_SECOND else self.rate

    @property
    def is_word(self) -> bool:
        """Whether it is a word, never or always, and not a number."""
        return self.strategy in (Strategy.NEVER, Strategy.ALWAYS)

    def __str__(self) -> str:
        if self.is_word:
            return self.strategy.value
        if self.strategy is Strategy.PER_SECOND:
            return f"{self.rate:.0f} traces/s"
        percent = self.rate * 100
        return f"{percent:.15g}%"


NEVER = Policy(Strategy.NEVER, 0.0)
ALWAYS = Policy(Strategy.ALWAYS, 1.0)


def refused(given: str) -> InvalidInput:
    """Return the error that every door gives for an invalid sampling policy."""
    problem = f'"{given}" is not a sampling policy' if given else "no sampling policy given"
    return InvalidInput(f"{problem}; accepted: {FORMS}")


def rate(value: float) -> Policy:
    """Return the policy that keeps this share; raises InvalidInput outside 0 < value <= 1."""
    return Policy(Strategy.RATE, value)


def per_second(traces: int) -> Policy:
    """Return the policy that keeps at most so many traces a second; raises InvalidInput."""
    return Policy(Strategy.PER_SECOND, float(traces))


def parse_policy(text: str) -> Policy:
    """Read `never`, `always`, `0.1`, `10%`, `float 0.1`, `rate 10%`, `5/s` or `5 traces/s`.

    Raises InvalidInput.
    """
    words = " ".join(text.lower().split())
    if words in (Strategy.NEVER, Strategy.ALWAYS):
        return NEVER if words == Strategy.NEVER else ALWAYS
    if limited := _PER_SECOND.fullmatch(words):
        if not 1 <= int(limited[1]) <= MOST_PER_SECOND:
            raise refused(text.strip()[:80])
        return per_second(int(limited[1]))
    match = _RATE.fullmatch(words)
    try:
        value = float(match[1]) / (100 if match[2] else 1) if match else math.nan
    except ValueError:
        value = math.nan
    if not 0 < value <= 1:
        raise refused(text.strip()[:80])
    return rate(value)


MOST_APART = 8  # different policies that a written spread names


@dataclass(frozen=True, slots=True)
class Spread:
    """How many instances have which policy, most first; None stands for an unknown policy."""

    counts: tuple[tuple[Policy | None, int], ...] = ()

    @classmethod
    def of(cls, policies: Iterable[Policy | None]) -> "Spread":
        """Count the policies of several instances."""
        return cls(tuple(Counter(policies).most_common()))

    @classmethod
    def read(cls, text: str) -> "Spread":
        """Read what `str` has written; whatever cannot be read is unknown."""
        return cls(tuple(_counted(part) for part in text.split(", ")))

    @property
    def policy(self) -> Policy | None:
        """The policy that all instances have, None if they differ or if it is unknown."""
        return self.counts[0][0] if len(self.counts) == 1 else None

    def __str__(self) -> str:
        """Return `10%`, `unknown`, or `10% on 2, unknown on 1`."""
        if len(self.counts) <= 1:
            return _named(self.policy)
        return ", ".join(
            f"{_named(policy)} on {count}" for policy, count in self.counts[:MOST_APART]
        )


def _named(policy: Policy | None) -> str:
    return UNKNOWN if policy is None else str(policy)


def _counted(text: str) -> tuple[Policy | None, int]:
    """Read `10% on 2`; without a number it stands for all instances, counted as one."""
    policy, _, number = text.partition(" on ")
    try:
        known = parse_policy(policy)
    except InvalidInput:
        known = None
    return known, int(number) if number.isdecimal() else 1
