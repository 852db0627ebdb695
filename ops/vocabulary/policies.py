"""Sampling policies: how many of the traces that start in a service are kept."""

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any, Self

from ops.errors import InvalidInput

MOST_PER_SECOND = 10_000
FORMS = "never, always, or a rate above 0 and up to 1 (0.1 or 10%), or traces per second (5/s)"
MOST_OPERATIONS = 50
LONGEST_OPERATION = 256  # bytes of a name
MOST_NAMED = 3  # operations in a sentence
LONGEST_NAMED = 40  # characters there
_OPERATION = re.compile(r'["“”]([^"“”]*)["“”] *= *(\S+)')
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
    for `share` to compare two policies. `operations` are the shares of single operations that
    differ from that, by name. Raises InvalidInput for anything else.
    """

    strategy: Strategy
    rate: float
    operations: tuple[tuple[str, float], ...] = ()

    def __post_init__(self) -> None:
        if not (math.isfinite(self.rate) and self._in_bounds()):
            raise refused(f"{self.rate:g}")
        if self.operations:
            _check_operations(self)

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

    @classmethod
    def read(cls, parts: list[Any]) -> Self:
        """Return the policy that `parts` has written as JSON."""
        strategy, rate, *operations = parts
        return cls(Strategy(strategy), rate, tuple(map(tuple, operations)))

    @property
    def parts(self) -> list[Any]:
        """Return it as JSON: strategy, rate, and each operation with its share."""
        return [self.strategy.value, self.rate, *map(list, self.operations)]

    @property
    def share(self) -> float | None:
        """The share of traces that it keeps, None if that depends on how many there are."""
        return None if self.strategy is Strategy.PER_SECOND else self.rate

    @property
    def highest(self) -> float | None:
        """The largest share of traces that it keeps of any operation; None as for `share`."""
        return None if self.share is None else max(self.share, *dict(self.operations).values(), 0)

    @property
    def keeps_everything(self) -> bool:
        """Whether it keeps every trace, of every operation."""
        return self.share == 1 and min(dict(self.operations).values(), default=1) == 1

    @property
    def base(self) -> "Policy":
        """The same without the shares of single operations."""
        return replace(self, operations=()) if self.operations else self

    def by_operation(self, shares: Mapping[str, float]) -> "Policy":
        """Return the same with these shares of single operations; raises InvalidInput."""
        return replace(self, operations=tuple(sorted(shares.items())))

    def of_operation(self, name: str) -> float | None:
        """Return the share of an operation's traces that it keeps, None as for `share`."""
        return dict(self.operations).get(name, self.share)

    @property
    def is_word(self) -> bool:
        """Whether it is a word, never or always, and not a number."""
        return self.strategy in (Strategy.NEVER, Strategy.ALWAYS) and not self.operations

    @property
    def lines(self) -> list[str]:
        """Its operations as `parse_operations` reads them: `GET /health=0.1%`."""
        return [f"{name}={percent(share)}" for name, share in self.operations]

    def __str__(self) -> str:
        """Return `10%`, or `10%, but GET /health 0.1%`."""
        if self.operations:
            first = self.operations[:MOST_NAMED]
            named = [f"{_short(name)} {percent(rate)}" for name, rate in first]
            more = len(self.operations) - len(named)
            return f"{self.base}, but {', '.join(named)}{f' and {more} more' if more else ''}"
        if self.is_word:
            return self.strategy.value
        if self.strategy is Strategy.PER_SECOND:
            return f"{self.rate:.0f} traces/s"
        return percent(self.rate)


NEVER = Policy(Strategy.NEVER, 0.0)
ALWAYS = Policy(Strategy.ALWAYS, 1.0)


def _short(name: str) -> str:
    return name if len(name) <= LONGEST_NAMED else f"{name[:LONGEST_NAMED]}…"


def percent(share: float) -> str:
    """Return a share as `10%`."""
    return f"{share * 100:.15g}%"


def _check_operations(policy: Policy) -> None:
    if policy.share is None:
        raise InvalidInput(f"{policy.base} cannot be combined with rates of single operations")
    if len(policy.operations) > MOST_OPERATIONS:
        raise InvalidInput(
            f"{len(policy.operations)} operations have a rate; the limit is {MOST_OPERATIONS}"
        )
    for name, share in policy.operations:
        if not 0 < len(name.encode(errors="replace")) <= LONGEST_OPERATION:
            raise InvalidInput(
                f'the name of an operation has 1 to {LONGEST_OPERATION} bytes; "{name[:40]}" has '
                f"{len(name.encode(errors='replace'))}"
            )
        if not name.isprintable() or set(name) & set('"“”'):
            raise InvalidInput(
                f"the name {name[:80]!r} of an operation has a quote, or is not one line"
            )
        if not 0 <= share <= 1:
            raise InvalidInput(f'the rate of "{name[:80]}" must be between 0 and 1 (0% and 100%)')


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


def parse_share(text: str) -> float:
    """Read the share of an operation: a rate, never or always, or 0; raises InvalidInput."""
    if text.strip() in ("0", "0%"):
        return 0.0
    share = parse_policy(text).share
    if share is None:
        raise InvalidInput(f'"{text.strip()[:80]}" is not the rate of an operation, such as 0.1%')
    return share


def parse_operations(lines: Iterable[str]) -> dict[str, float]:
    """Read the shares of operations from lines such as `GET /health = 0.1%`; raises InvalidInput.

    The share is what follows the last equals sign.
    """
    shares: dict[str, float] = {}
    for line in lines:
        name, equals, share = map(str.strip, line.rpartition("="))
        if not equals:
            raise InvalidInput(f'"{line.strip()[:80]}" is not of the form OPERATION = RATE')
        if name in shares:
            raise InvalidInput(f'the operation "{name[:80]}" has two rates')
        shares[name] = parse_share(share)
    return shares


def take_operations(text: str) -> tuple[str, dict[str, float]]:
    """Take `"GET /health"=0.1%` out of a text; returns the rest, and the shares by operation.

    Raises InvalidInput.
    """
    found = _OPERATION.findall(text)
    return _OPERATION.sub(" ", text), parse_operations(f"{name}={share}" for name, share in found)
