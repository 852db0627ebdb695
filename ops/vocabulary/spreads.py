"""How the instances of a service differ in their sampling policies."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from ops.errors import InvalidInput
from ops.vocabulary.policies import Policy, parse_policy

UNKNOWN = "unknown"  # shown if the policy is unknown
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
    def read(cls, text: str, parts: list[list[Any]] | None = None) -> "Spread":
        """Read what `text` and `parts` have written; whatever cannot be read is unknown."""
        if parts is not None:
            return cls(tuple((each and Policy.read(each), count) for each, count in parts))
        return cls(tuple(_counted(part) for part in text.split(", ")))

    @property
    def text(self) -> str:
        """Return it as a short text, without the rates of single operations."""
        bases: Counter[Policy | None] = Counter()
        for policy, count in self.counts:
            bases[policy and policy.base] += count
        return str(Spread(tuple(bases.most_common())))

    @property
    def parts(self) -> list[list[Any]] | None:
        """Return it as JSON if there are rates of single operations, else None."""
        if not self.by_operation:
            return None
        return [[policy and policy.parts, count] for policy, count in self.counts[:MOST_APART]]

    @property
    def by_operation(self) -> bool:
        """Whether a policy has rates of single operations."""
        return any(policy and policy.operations for policy, _ in self.counts)

    @property
    def policy(self) -> Policy | None:
        """The policy that all instances have, None if they differ or if it is unknown."""
        return self.counts[0][0] if len(self.counts) == 1 else None

    @property
    def is_unknown(self) -> bool:
        """Whether no policy is known at all."""
        return all(policy is None for policy, _ in self.counts)

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
