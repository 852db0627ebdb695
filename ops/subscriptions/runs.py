"""Runs: the times in which a group of alerts fired, as a channel tells them.

    alert A   ████████            ███████
    alert B       ██████                            ████
    run       └─────────one──────────────┘          └one more
                         ^ a gap of less than REJOIN    (after a longer gap)

A group is all alerts of one name. What ended before it was as old as the subscription asks for
does not count, except if it was posted already.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from hashlib import sha256

from ops.alerts.fired import Fired
from ops.alerts.intervals import Interval, joined
from ops.vocabulary import timerange
from ops.vocabulary.alerts import Alert, rank_of

REJOIN = 15 * timerange.MINUTE
FLAPS = 4  # times that one alert starts within FLAPPING
FLAPPING = 30 * timerange.MINUTE
STEP = 5 * timerange.MINUTE  # in which what is said of an alert that flaps changes
LASTS = 2**63 - 1  # the end of what has not ended


@dataclass(frozen=True)
class Run:
    """A group's alerts that fired without a gap of REJOIN, the first to start first."""

    name: str
    fired: tuple[Fired, ...]
    minimum_age: int

    @property
    def start(self) -> int:
        return self.fired[0].start

    @cached_property
    def key(self) -> str:
        """What identifies it within a subscription."""
        return key_of(self.name, self.start)

    @property
    def appears(self) -> int:
        """When it became old enough to be posted."""
        return self.start + self.minimum_age

    @cached_property
    def now(self) -> tuple[Fired, ...]:
        """What has not ended, as far as known, the most severe and the oldest first."""
        lasting = [each for each in self.fired if not each.end]
        return tuple(sorted(lasting, key=_urgency))

    @cached_property
    def telling(self) -> Alert:
        """The alert that represents all: the most severe one, of those of now if there are any."""
        return (self.now or sorted(self.fired, key=_urgency))[0].alert

    @cached_property
    def intervals(self) -> Sequence[Interval]:
        """When any of its alerts fired; the end of the last one is LASTS if it still fires."""
        return joined((each.start, each.end or LASTS) for each in self.fired)

    @property
    def end(self) -> int:
        """When the last one ended, 0 if it still fires."""
        return 0 if self.now else self.intervals[-1][1]

    def starts_of_one(self, now: int) -> int:
        """Return how often the alert that started most often did so in the last FLAPPING."""
        times: dict[str, int] = {}
        for each in self.fired:
            if now - FLAPPING < each.start <= now:
                times[each.alert.fingerprint] = times.get(each.alert.fingerprint, 0) + 1
        return max(times.values(), default=0)

    def flaps(self, at: int) -> bool:
        """Return whether one of its alerts flaps at a time."""
        return self.starts_of_one(at) >= FLAPS

    def last_look(self, now: int) -> int:
        """Return as of when a message about it is, while it flaps: there is a look every STEP."""
        at = now // STEP * STEP
        if self.flaps(at):
            return at
        begun = (each.start for each in self.fired if at < each.start <= now)
        return next((start for start in begun if self.flaps(start)), now)

    def as_of(self, at: int) -> "Run":
        """Return it as it was at a time."""
        known = (each for each in self.fired if each.start <= at)
        return replace(
            self, fired=tuple(replace(each, end=0) if each.end > at else each for each in known)
        )


def key_of(name: str, start: int) -> str:
    """Return what identifies a group that fires since then (Unix nanoseconds)."""
    return f"{digest_of(name)}-{start:x}"


def digest_of(name: str) -> str:
    """Return a short form of a group's name for keys: names are hostile and long."""
    return sha256(name.encode(errors="surrogatepass")).hexdigest()[:12]


def runs_of(
    fired: Iterable[Fired], minimum_age: int, now: int, told: Collection[str] = ()
) -> list[Run]:
    """Return the runs of these alerts, each group's in their order.

    `told` are keys of runs that were posted already.
    """
    groups: dict[str, list[Fired]] = {}
    for each in sorted(fired, key=lambda each: each.start):
        name = each.alert.name
        if (each.end or now) - each.start >= minimum_age or key_of(name, each.start) in told:
            groups.setdefault(name, []).append(each)
    return [
        Run(name, part, minimum_age) for name, every in groups.items() for part in _parted(every)
    ]


def _parted(fired: Sequence[Fired]) -> Iterable[tuple[Fired, ...]]:
    part: list[Fired] = []
    last = 0
    for each in fired:
        if part and each.start - last >= REJOIN:
            yield tuple(part)
            part, last = [], 0
        part.append(each)
        last = max(last, each.end or LASTS)
    if part:
        yield tuple(part)


def _urgency(each: Fired) -> tuple[int, int, str]:
    return rank_of(each.alert.severity), each.start, each.alert.fingerprint
