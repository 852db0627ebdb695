"""The past of alerts, from their periods: episodes, strips, and the holes in what is known.

    periods    pending │ firing │ firing (other text) │      │ firing
    episodes   └──────────── one episode ─────────────┘      └ one more ┘

A hole is a time in which nobody watched, or no source of the alerts answered. An answer counts for
three polls, as everywhere.
"""

from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import median

from django.db.models import F, QuerySet

from ops.alerts.intervals import Interval, between, both, joined
from ops.alerts.models import AlertPeriod
from ops.vocabulary import timerange
from ops.vocabulary.alerts import FIRING, PENDING, Alert
from ops.watch.models import SourcePeriod, Watched
from ops.watch.picture import young_ns

HOLE = "hole"
OF_SOURCE = "alerts "  # the keys of SourcePeriod start with the subject
STEPS = 720  # of a strip: more cannot be seen
# A strip moves on in these steps, so that it stays the same for a while and starts at round times.
GRID = tuple(minutes * timerange.MINUTE for minutes in (1, 5, 10, 30, 60))
GRID_PARTS = 72
MOST_PERIODS = 5_000  # of one alert


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

    `stretches` may overlap: firing goes over pending. There are none in the `holes`; `told` is what
    Prometheus itself remembers of these.
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


def window(now: int, length: int) -> Strip:
    """Return an empty strip of this length that ends now, or a little later; see GRID."""
    grid = next((each for each in GRID if each * GRID_PARTS >= length), 3 * timerange.HOUR)
    end = -(-now // grid) * grid
    return Strip(end - length, end)


@dataclass(frozen=True, slots=True)
class Seen:
    """What a period says: state, start and end, and the start in the source's own words."""

    state: str
    start: int
    end: int | None
    active_at: int = 0


def past_of(periods: Iterable[Seen], unknown: Sequence[Interval], now: int) -> Past:
    """Return an alert's past; `periods` are the oldest first, `unknown` the holes in order.

    What is seen after a hole is another episode if by its own words it started in the hole.
    """
    found = _episodes(periods, unknown)
    lengths = [each.fired_for(now) for each in found if each.fired]
    return Past(
        episodes=tuple(reversed(found)),
        fired=len(lengths),
        firing=sum(lengths),
        median=round(median(lengths)) if lengths else 0,
        last=max((each.fired for each in found), default=0),
    )


def _episodes(periods: Iterable[Seen], unknown: Sequence[Interval]) -> list[Episode]:
    found: list[Episode] = []
    for seen in periods:
        fired = seen.start if seen.state == FIRING else 0
        if not found or (found[-1].end is not None and seen.start > found[-1].end):
            found.append(Episode(seen.start, fired, seen.end))
        elif (away := _hole_before(seen, unknown)) and seen.active_at > away[0] > found[-1].start:
            found[-1] = replace(found[-1], end=away[0])
            found.append(Episode(seen.start, fired, seen.end))
        else:
            found[-1] = replace(found[-1], fired=found[-1].fired or fired, end=seen.end)
    return found


def _hole_before(seen: Seen, unknown: Sequence[Interval]) -> Interval | None:
    """Return the hole that a period ended: it is the first that was seen after it."""
    place = bisect_left(unknown, seen.start, key=lambda hole: hole[0])
    if place and seen.start - unknown[place - 1][1] <= young_ns():
        return unknown[place - 1]
    return None


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
        native_state=row.state,
    )


# Below are the queries; call them in ops.database.in_database.


def past(site: str, fingerprint: str, sources: Iterable[str], now: int) -> Past:
    """Read an alert's past, of its newest MOST_PERIODS periods."""
    rows = AlertPeriod.objects.filter(site=site, key=fingerprint).order_by("-start", "-pk")
    values = rows.values_list("state", "start", "end", "active_at")[: MOST_PERIODS + 1]
    newest = [Seen(*each) for each in values]
    if not newest:
        return Past()
    shown = newest[MOST_PERIODS - 1 :: -1]
    unknown = unwatched(site, sources, shown[0].start, now)
    return replace(past_of(shown, unknown, now), cut=len(newest) > MOST_PERIODS)


def latest(site: str, fingerprint: str) -> AlertPeriod | None:
    """Read an alert's latest period."""
    rows = AlertPeriod.objects.filter(site=site, key=fingerprint)
    return rows.order_by("-start", "-pk").first()


def strip(site: str, fingerprint: str, sources: Iterable[str], empty: Strip, now: int) -> Strip:
    """Fill an alert's strip."""
    rows = AlertPeriod.objects.filter(site=site, key=fingerprint, start__lt=empty.end)
    return filled(empty, [active(rows, empty)], holes(site, sources, empty, now))


def holes(site: str, sources: Iterable[str], empty: Strip, now: int) -> tuple[Stretch, ...]:
    """Read when nobody watched, or none of the sources answered."""
    until = min(empty.end, now)
    return tuple(Stretch(HOLE, *each) for each in unwatched(site, sources, empty.start, until))


def unwatched(site: str, sources: Iterable[str], start: int, end: int) -> list[Interval]:
    """Read when nobody watched, or none of the sources answered, in order."""
    lasts = young_ns()
    since = start - lasts
    watched = Watched.objects.filter(site=site, end__gt=since).values_list("start", "end")
    keys = [f"{OF_SOURCE}{source}" for source in sources]
    rows = SourcePeriod.objects.filter(site=site, key__in=keys, state=SourcePeriod.ANSWERS)
    answered = (rows.filter(end=None) | rows.filter(end__gt=since)).values_list("start", "end")
    covered = both(
        joined((first, last + lasts) for first, last in watched),
        joined((first, (end if last is None else last) + lasts) for first, last in answered),
    )
    return between(covered, start, end)


def active(rows: "QuerySet[AlertPeriod]", empty: Strip) -> Mapping[str, list[Interval]]:
    """Read when these were active, in steps: many short periods are one row of the answer."""
    step, found = empty.step, dict[str, list[Interval]]()
    for part in (rows.filter(end__gt=empty.start), rows.filter(end=None)):
        steps = part.annotate(a=F("start") / step, b=F("end") / step)
        for state, first, last in steps.values_list("state", "a", "b").distinct():
            end = empty.end if last is None else (last + 1) * step
            found.setdefault(state, []).append((first * step, end))
    return found


def filled(
    empty: Strip, several: Iterable[Mapping[str, Iterable[Interval]]], unknown: Sequence[Stretch]
) -> Strip:
    """Return a strip of what was active, several by state, without what lies in the holes."""
    by_state: dict[str, list[Interval]] = {}
    for each in several:
        for state, intervals in each.items():
            by_state.setdefault(state, []).extend(intervals)
    known = between([(hole.start, hole.end) for hole in unknown], empty.start, empty.end)
    stretches = [
        Stretch(state, *interval)
        for state in (PENDING, FIRING)
        for interval in both(joined(by_state.get(state, ())), known)
    ]
    return replace(empty, stretches=tuple(stretches), holes=tuple(unknown))
