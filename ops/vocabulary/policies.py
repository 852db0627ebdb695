"""Sampling policies: the share of the traces starting in a service that is kept."""

import math
import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from ops.errors import InvalidInput

UNKNOWN = "unknown"  # shown if the policy is unknown
FORMS = "never, always, or a rate above 0 and up to 1 (0.1 or 10%)"
_RATE = re.compile(r"(?:(?:float|rate)\s+)?([^\s%]+)\s*(%?)", re.IGNORECASE)


class Strategy(StrEnum):
    """How the decision is made at the root of a trace."""

    NEVER = "never"
    ALWAYS = "always"
    RATE = "rate"


@dataclass(frozen=True, slots=True)
class Policy:
    """Never, always, or a rate 0 < rate <= 1; raises InvalidInput for anything else.

    `rate` is 0 for never and 1 for always.
    """

    strategy: Strategy
    rate: float

    def __post_init__(self) -> None:
        expected = {Strategy.NEVER: 0.0, Strategy.ALWAYS: 1.0}.get(self.strategy, self.rate)
        in_bounds = self.strategy is not Strategy.RATE or 0 < self.rate <= 1
        if not math.isfinite(self.rate) or self.rate != expected or not in_bounds:
            raise refused(f"{self.rate:g}")

    def __str__(self) -> str:
        if self.strategy is not Strategy.RATE:
            return self.strategy.value
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


def parse_policy(text: str) -> Policy:
    """Read `never`, `always`, `0.1`, `10%`, `float 0.1` or `rate 10%`; raises InvalidInput."""
    words = " ".join(text.lower().split())
    if words in (Strategy.NEVER, Strategy.ALWAYS):
        return NEVER if words == Strategy.NEVER else ALWAYS
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
