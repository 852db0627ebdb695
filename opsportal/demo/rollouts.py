"""Which release each petstore runs: a function of the seconds since the demo's start.

A rollout reaches the instances one after the other. Those of the schedule come once a cycle: a
good release, later a bad one that reaches two of three instances, and the way back. What a person
orders comes in between.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import Enum, auto

CYCLE = 600
INSTANCES = 3


@dataclass(frozen=True, slots=True)
class Release:
    """A version of the petstore; a bad one is slow and fails often."""

    version: str
    bad: bool = False


@dataclass(frozen=True, slots=True)
class Order:
    """A person's wish for the bad or the good release, in seconds since the start."""

    at: float
    bad: bool


class Kind(Enum):
    """What a rollout brings: the next good release, a bad one, or the last good one again."""

    NEXT = auto()
    BAD = auto()
    BACK = auto()


@dataclass(frozen=True, slots=True)
class Rollout:
    """A rollout that starts at `at` with the first instance; another follows every `step` seconds.

    It reaches `reach` instances, unless the next rollout starts before that.
    """

    at: float
    kind: Kind
    step: float
    reach: int = INSTANCES
    ordered: bool = False


# By the seconds since the start of a cycle.
PLAN = (
    Rollout(135, Kind.NEXT, 20),
    Rollout(240, Kind.BAD, 25, reach=2),
    Rollout(340, Kind.BACK, 15),
)
_ORDERED_STEP = 15


def releases(since: float, orders: Sequence[Order] = ()) -> tuple[Release, ...]:
    """Return what each instance runs at that time, after these orders."""
    begun = list(_begun(since, orders))
    return tuple(_release_of(instance, since, begun) for instance in range(INSTANCES))


def _release_of(instance: int, since: float, begun: Sequence[tuple[Rollout, Release]]) -> Release:
    until = since
    for rollout, release in reversed(begun):
        if instance < rollout.reach and rollout.at + instance * rollout.step <= until:
            return release
        until = rollout.at
    return Release(_version(0, 0))


def _begun(since: float, orders: Iterable[Order]) -> Iterator[tuple[Rollout, Release]]:
    """Yield the rollouts that have begun by then, with their releases.

    After an ordered bad release the schedule waits for the order of the good one.
    """
    rollouts = sorted([*_planned(since), *map(_ordered, orders)], key=lambda each: each.at)
    good = flaws = 0
    bad = waiting = False
    for rollout in rollouts:
        if waiting and (not rollout.ordered or rollout.kind is Kind.BAD):
            continue
        match rollout.kind:
            case Kind.NEXT:
                good, flaws = good + 1, 0
                yield rollout, Release(_version(good, 0))
            case Kind.BAD:
                flaws, bad, waiting = flaws + 1, True, rollout.ordered
                yield rollout, Release(_version(good, flaws), bad=True)
            case Kind.BACK if bad:
                bad = waiting = False
                yield rollout, Release(_version(good, 0))


def _planned(since: float) -> Iterator[Rollout]:
    for cycle in range(int(since // CYCLE) + 1):
        for each in PLAN:
            if cycle * CYCLE + each.at <= since:
                yield Rollout(cycle * CYCLE + each.at, each.kind, each.step, each.reach)


def _ordered(order: Order) -> Rollout:
    kind = Kind.BAD if order.bad else Kind.BACK
    return Rollout(order.at, kind, _ORDERED_STEP, ordered=True)


def _version(good: int, flaws: int) -> str:
    return f"1.{2 + good}.{flaws}"
