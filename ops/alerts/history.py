"""The past of alerts, from their periods: episodes, strips, and the holes in what is known.

    periods    pending │ firing │ firing (other text) │      │ firing
    episodes   └──────────── one episode ─────────────┘      └ one more ┘

A hole is a time in which nobody watched, or no source of the alerts answered. An answer counts for
three polls, as everywhere.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import median

from django.db.models import F, QuerySet

from ops.alerts.models import AlertPeriod
from ops.vocabulary.alerts import FIRING, PENDING, Alert
from ops.watch.models import SourcePeriod, Watched
from ops.watch.picture import young_ns

HOLE = "hole"
OF_SOURCE = "alerts "  # the keys of SourcePeriod start with the subject
STEPS = 720  # of a strip: more cannot be seen
GRID = 72  # a strip moves on by one of so many parts, so that it stays the same for a while
MOST_PERIODS = 5_000  # of one alert
MOST_KEYS = 500  # a query

Interval = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Episode:
    """A time during which an alert was active without a gap; times are Unix nanoseconds.

    `fired` is when it began to fire, 0 if it was only pending. `end` is None while it lasts.
    """

    start: int
    fired: int
    end: int | None

    def fired_for(self, now: int) -> int:
        """Return for how many nanoseconds it was firing."""
        return (self.end or max(now, self.fired)) - self.fired if self.fired else 0


@dataclass(frozen=True, slots=True)
class Past:
    """An alert's episodes, newest first, and what they say together; times are nanoseconds.

    `fired` counts the episodes in which it was firing, `firing` is how long in all, `median` and
    `last` are the usual length and the newest start, 0 if it never fired. `cut` means that there
    were more, which are not counted.
    """

    episodes: tuple[Episode, ...] = ()
    fired: int = 0
    firing: int = 0
    median: int = 0
    last: int = 0
    cut: bool = False


@dataclass(frozen=True, slots=True)
class Stretch:
    """A part of a strip: FIRING, PENDING or HOLE from start to end, Unix nanoseconds."""

    state: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Strip:
    """What alerts did from start to end, Unix nanoseconds.

    `stretches` may overlap: firing goes over pending. `told` is what Prometheus itself remembers
    of the holes.
    """

    start: int
    end: int
    stretches: tuple[Stretch, ...] = ()
    holes: tuple[Stretch, ...] = ()
    told: tuple[Stretch, ...] = ()

    @property
    def step(self) -> int:
        """The length of the shortest part that can be seen, in nanoseconds."""
        return max((self.end - self.start) // STEPS, 1)


@dataclass(frozen=True, slots=True)
class StripOf:
    """The alerts of a group's strip: all with these names, and those with these fingerprints.

    `sources` report them.
    """

    names: tuple[str, ...] = ()
    fingerprints: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()


def window(now: int, length: int) -> Strip:
    """Return an empty strip of this length that ends now, or a little later; see GRID."""
    grid = max(length // GRID, 1)
    end = -(-now // grid) * grid
    return Strip(end - length, end)


def past_of(periods: Sequence[tuple[str, int, int | None]], now: int) -> Past:
    """Return an alert's past; `periods` are state, start and end, oldest first."""
    found = _episodes(periods)
    lengths = [each.fired_for(now) for each in found if each.fired]
    return Past(
        episodes=tuple(reversed(found)),
        fired=len(lengths),
        firing=sum(lengths),
        median=round(median(lengths)) if lengths else 0,
        last=max((each.fired for each in found), default=0),
    )


def _episodes(periods: Iterable[tuple[str, int, int | None]]) -> list[Episode]:
    found: list[Episode] = []
    for state, start, end in periods:
        fired = start if state == FIRING else 0
        if found and (found[-1].end is None or start <= found[-1].end):
            found[-1] = replace(found[-1], fired=found[-1].fired or fired, end=end)
        else:
            found.append(Episode(start, fired, end))
    return found


def joined(intervals: Iterable[Interval]) -> list[Interval]:
    """Join intervals that overlap or touch."""
    found: list[Interval] = []
    for start, end in sorted(intervals):
        if found and start <= found[-1][1]:
            found[-1] = (found[-1][0], max(found[-1][1], end))
        else:
            found.append((start, end))
    return found


def both(some: Sequence[Interval], others: Sequence[Interval]) -> list[Interval]:
    """Return what is in some and in others; each is in order and without overlaps."""
    found, first, second = [], 0, 0
    while first < len(some) and second < len(others):
        start = max(some[first][0], others[second][0])
        end = min(some[first][1], others[second][1])
        if start < end:
            found.append((start, end))
        if some[first][1] < others[second][1]:
            first += 1
        else:
            second += 1
    return found


def between(intervals: Sequence[Interval], start: int, end: int) -> list[Interval]:
    """Return what is left of the time from start to end; the intervals are as in `both`."""
    found, at = [], start
    for first, last in intervals:
        if first > at:
            found.append((at, min(first, end)))
        at = max(at, last)
        if at >= end:
            return found
    return [*found, (at, end)]


def as_it_was(row: AlertPeriod) -> Alert:
    """Return the alert of a period; its value is not remembered."""
    return Alert(
        name=row.labels.get("alertname", row.name),
        state=row.state,
        value="",
        active_at=row.active_at,
        labels=row.labels,
        annotations=row.annotations,
        sources=tuple(row.sources),
        group=row.group,
        rule_health="unknown",
        fingerprint=row.key,
    )


# Below are the queries; call them in ops.database.in_database.


def past(site: str, fingerprint: str, now: int) -> Past:
    """Read an alert's past, of its newest MOST_PERIODS periods."""
    rows = AlertPeriod.objects.filter(site=site, key=fingerprint).order_by("-start", "-pk")
    newest = list(rows.values_list("state", "start", "end")[: MOST_PERIODS + 1])
    found = past_of(newest[MOST_PERIODS - 1 :: -1], now)
    return replace(found, cut=len(newest) > MOST_PERIODS)


def latest(site: str, fingerprint: str) -> AlertPeriod | None:
    """Read an alert's latest period."""
    rows = AlertPeriod.objects.filter(site=site, key=fingerprint)
    return rows.order_by("-start", "-pk").first()


def strip(site: str, fingerprint: str, sources: Iterable[str], empty: Strip, now: int) -> Strip:
    """Fill an alert's strip."""
    rows = AlertPeriod.objects.filter(site=site, key=fingerprint)
    drawn = _drawn(_intervals(rows, "key", empty).values(), empty)
    return replace(empty, stretches=drawn, holes=holes(site, sources, empty, now))


def strips(site: str, groups: Mapping[str, StripOf], length: int, now: int) -> Mapping[str, Strip]:
    """Read the strips of several groups of alerts."""
    empty = window(now, length)
    rows = AlertPeriod.objects.filter(site=site)
    names = {name for group in groups.values() for name in group.names}
    by_name = _intervals(rows.filter(name__in=names), "name", empty)
    seen: dict[tuple[str, ...], tuple[Stretch, ...]] = {}
    found = {}
    for key, group in groups.items():
        of_names = [by_name.get(name, {}) for name in group.names]
        of_keys = [
            each
            for first in range(0, len(group.fingerprints), MOST_KEYS)
            for each in _intervals(
                rows.filter(key__in=group.fingerprints[first : first + MOST_KEYS]), "site", empty
            ).values()
        ]
        if group.sources not in seen:
            seen[group.sources] = holes(site, group.sources, empty, now)
        drawn = _drawn([*of_names, *of_keys], empty)
        found[key] = replace(empty, stretches=drawn, holes=seen[group.sources])
    return found


def holes(site: str, sources: Iterable[str], empty: Strip, now: int) -> tuple[Stretch, ...]:
    """Read when nobody watched, or none of the sources answered."""
    lasts = young_ns()
    since = empty.start - lasts
    watched = Watched.objects.filter(site=site, end__gt=since).values_list("start", "end")
    keys = [f"{OF_SOURCE}{source}" for source in sources]
    rows = SourcePeriod.objects.filter(site=site, key__in=keys, state=SourcePeriod.ANSWERS)
    answered = (rows.filter(end=None) | rows.filter(end__gt=since)).values_list("start", "end")
    covered = both(
        joined((start, end + lasts) for start, end in watched),
        joined((start, now + lasts if end is None else end + lasts) for start, end in answered),
    )
    until = min(empty.end, now)
    return tuple(Stretch(HOLE, *each) for each in between(covered, empty.start, until))


def _intervals(
    rows: "QuerySet[AlertPeriod]", by: str, empty: Strip
) -> Mapping[str, dict[str, list[Interval]]]:
    """Read when these were active, in steps: many short periods are one row of the answer."""
    step, found = empty.step, dict[str, dict[str, list[Interval]]]()
    for part in (rows.filter(end__gt=empty.start), rows.filter(end=None)):
        steps = part.filter(start__lt=empty.end).annotate(a=F("start") / step, b=F("end") / step)
        for key, state, first, last in steps.values_list(by, "state", "a", "b").distinct():
            end = empty.end if last is None else (last + 1) * step
            found.setdefault(key, {}).setdefault(state, []).append((first * step, end))
    return found


def _drawn(
    several: Iterable[Mapping[str, Iterable[Interval]]], empty: Strip
) -> tuple[Stretch, ...]:
    by_state: dict[str, list[Interval]] = {}
    for each in several:
        for state, intervals in each.items():
            by_state.setdefault(state, []).extend(intervals)
    return tuple(
        Stretch(state, max(start, empty.start), min(end, empty.end))
        for state in (PENDING, FIRING)
        for start, end in joined(by_state.get(state, ()))
    )
