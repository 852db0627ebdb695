"""What the alerts of some services did during a time, by name, from our own history."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from django.conf import settings
from django.db.models import QuerySet

from ops.alerts.changes import of_service
from ops.alerts.history import as_it_was, unwatched
from ops.alerts.intervals import Interval, joined
from ops.alerts.models import AlertPeriod
from ops.sites import Service, Site
from ops.vocabulary import timerange
from ops.vocabulary.alerts import FIRING

MOST_READ = 5_000  # periods of a service
MOST_GROUPS = 100


@dataclass(frozen=True, slots=True)
class GroupDuring:
    """The alerts of one name; times are Unix nanoseconds.

    `severity` and `summary` are of the first that fired, as is `fingerprint`; `alerts` is how many
    there were. Whatever goes on ends with the time that was asked for; `lasts` means that at least
    one is firing at its end.
    """

    name: str
    severity: str
    summary: str
    fingerprint: str
    alerts: int
    pending: tuple[Interval, ...]
    firing: tuple[Interval, ...]
    lasts: bool

    @property
    def fired(self) -> int:
        """When the first of them fired; 0 if none did."""
        return self.firing[0][0] if self.firing else 0

    @property
    def fired_for(self) -> int:
        """For how many nanoseconds one of them was firing."""
        return sum(last - first for first, last in self.firing)

    @property
    def ended(self) -> int:
        """When the last of them stopped firing; 0 if none fired, or one still does."""
        return 0 if self.lasts or not self.firing else self.firing[-1][1]


@dataclass(frozen=True, slots=True)
class AlertsDuring:
    """The groups, those that fired first before the others; `more` means that some are left out.

    In the `holes` nobody watched, or no source answered.
    """

    groups: tuple[GroupDuring, ...] = ()
    holes: tuple[Interval, ...] = ()
    more: bool = False

    def unknown_at(self, at: int) -> bool:
        """Return whether it is unknown what was firing at a moment."""
        return any(start <= at <= end for start, end in self.holes)


@dataclass(slots=True)
class _Group:
    first: AlertPeriod
    keys: set[str] = field(default_factory=set)
    pending: list[Interval] = field(default_factory=list)
    firing: list[Interval] = field(default_factory=list)
    lasts: bool = False


def read_during(
    site: Site, services: Iterable[Service], also: Mapping[str, str], start: int, end: int
) -> AlertsDuring:
    """Read the alerts of services, and those with the columns in `also`, from start to end.

    Call it in ops.database.in_database.
    """
    rows = AlertPeriod.objects.filter(site=site.name).exclude(name__in=site.unlisted)
    order = _order(start)
    length, about = end - start, [each for each in services if each.alerts]
    wanted = [(of_service(rows, site, each, length), order) for each in about]
    wanted += [(rows.filter(**also), "start" if "key" in also else "end")] if also else []
    found, more = dict[int, AlertPeriod](), False
    for each, its_order in wanted:
        some = _periods(each, its_order, start, end)
        more = more or len(some) > MOST_READ
        found |= {row.pk: row for row in some[:MOST_READ]}
    periods = sorted(found.values(), key=lambda row: (row.start, row.pk))
    groups = sorted(_groups(periods, start, end), key=lambda each: (each.fired or end, each.name))
    sources = [source.name for source in site.prometheus]
    holes = unwatched(site.name, sources, start, end)
    return AlertsDuring(
        tuple(groups[:MOST_GROUPS]), tuple(holes), more or len(groups) > MOST_GROUPS
    )


def _order(start: int) -> str:
    """Return the order of the periods of all alerts in which little of the past is read.

    SQLite takes the index of the order, and reads either all that ended after a time, or all that
    started before it. For one alert there is an index by start, for one name by end.
    """
    half = timerange.now_ns() - settings.HISTORY_DAYS * timerange.DAY // 2
    return "end" if start > half else "start"


def _periods(rows: "QuerySet[AlertPeriod]", order: str, start: int, end: int) -> list[AlertPeriod]:
    """Return those in a time; SQLite takes an index for each of the two parts only."""
    # The start is compared here: SQLite would take its index, and read all of the past.
    lasting = [
        row for row in rows.filter(end=None).order_by("pk")[: MOST_READ + 1] if row.start < end
    ]
    ended = rows.filter(end__gt=start, start__lt=end).order_by(order)[: MOST_READ + 1]
    return sorted((*lasting, *ended), key=lambda row: row.start)[: MOST_READ + 1]


def _groups(periods: Sequence[AlertPeriod], start: int, end: int) -> Iterable[GroupDuring]:
    found: dict[str, _Group] = {}
    for row in periods:
        group = found.setdefault(row.name, _Group(row))
        group.keys.add(row.key)
        goes_on = row.end is None or row.end > end
        lasted = (max(row.start, start), end if row.end is None else min(row.end, end))
        if row.state == FIRING:
            if not group.firing:
                group.first = row
            group.firing.append(lasted)
            group.lasts = group.lasts or goes_on
        else:
            group.pending.append(lasted)
    for group in found.values():
        alert = as_it_was(group.first)
        yield GroupDuring(
            name=alert.name,
            severity=alert.severity,
            summary=alert.summary,
            fingerprint=alert.fingerprint,
            alerts=len(group.keys),
            pending=tuple(joined(group.pending)),
            firing=tuple(joined(group.firing)),
            lasts=group.lasts,
        )
