"""What changed: alerts that started and stopped firing, broken rules, silent sources."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from itertools import groupby
from typing import TypeVar

from django.db import models
from django.db.models import Min, QuerySet
from django.db.models.fields.json import KeyTextTransform
from django.db.models.functions import Cast

from ops.alerts.history import OF_SOURCE, as_it_was
from ops.alerts.intervals import Interval
from ops.alerts.models import AlertPeriod, RulePeriod
from ops.sites import Service, Site
from ops.vocabulary import timerange
from ops.vocabulary.alerts import FIRING
from ops.watch.models import SourcePeriod
from ops.watch.periods import Period

P = TypeVar("P", bound=Period)
_ByLabel = Mapping[tuple[str, str], Sequence[Service]]
MOST_READ = 1_000  # periods of each kind
MOST_ALERTS = 2_000  # of which the labels are read
LONG = timerange.DAY


class Kind(StrEnum):
    """What changed."""

    FIRING = "firing"
    RESOLVED = "resolved"
    BROKEN = "broken"
    REPAIRED = "repaired"
    SILENT = "silent"
    BACK = "back"

    def said_of(self, name: str) -> str:
        """Return what happened to an alert, rule or source of this name."""
        return _SAID[self].format(name)


_SAID = {
    Kind.FIRING: "{} started firing",
    Kind.RESOLVED: "{} resolved",
    Kind.BROKEN: "rule {} cannot be evaluated",
    Kind.REPAIRED: "rule {} is evaluated again",
    Kind.SILENT: "{} stopped answering",
    Kind.BACK: "{} answers again",
}


@dataclass(frozen=True, slots=True)
class AlertChange:
    """One change at a time (Unix nanoseconds).

    `name` is that of the alert, rule or source. `fingerprint` identifies the alert and `severity`
    is its own, `detail` is its summary, or the error of a rule or source. `count` is how many
    alerts of this name changed together, one after the other without another change. `services` are
    those that the alerts are about.
    """

    at: int
    kind: Kind
    name: str
    fingerprint: str = ""
    severity: str = ""
    detail: str = ""
    count: int = 1
    services: tuple[str, ...] = field(default=(), compare=False)


def read_changes(
    site: Site, service: Service | None, start: int, end: int, limit: int
) -> tuple[AlertChange, ...]:
    """Read the newest changes; call it in ops.database.in_database.

    Of one service, these are its alerts and the sources.
    """
    when = (start, end)
    alerts = AlertPeriod.objects.filter(site=site.name, state=FIRING)
    alerts = alerts.exclude(name__in=site.unlisted)
    rules = RulePeriod.objects.filter(site=site.name, state=RulePeriod.BROKEN)
    if service:
        alerts, rules = of_service(alerts, site, service, end - start), rules.none()
    silences = SourcePeriod.objects.filter(
        site=site.name, state=SourcePeriod.FAILS, key__startswith=OF_SOURCE
    )
    about = _by_label(site)
    found = [
        *(_of_alert(Kind.FIRING, row, row.start, about) for row in _started(alerts, when)),
        *(_of_alert(Kind.RESOLVED, row, row.end or 0, about) for row in _ended(alerts, when)),
        *(AlertChange(r.start, Kind.BROKEN, r.name, detail=r.error) for r in _started(rules, when)),
        *(AlertChange(r.end or 0, Kind.REPAIRED, r.name) for r in _ended(rules, when)),
        *(_of_source(Kind.SILENT, row, row.start) for row in _started(silences, when)),
        *(_of_source(Kind.BACK, row, row.end or 0) for row in _ended(silences, when)),
    ]
    found.sort(key=lambda change: (-change.at, change.kind, change.name, change.fingerprint))
    return tuple(_together(found))[:limit]


def of_service(
    alerts: "QuerySet[AlertPeriod]", site: Site, service: Service, length: int
) -> "QuerySet[AlertPeriod]":
    """Return a service's own of these periods of a site, to be read in a time of this length."""
    if not service.alerts:
        return alerts.none()
    if length > LONG and (keys := _keys_of(site, service)) is not None:
        return alerts.filter(key__in=keys)
    for number, (name, value) in enumerate(service.alerts.items()):
        # Not labels__name, because a label's name may contain "__".
        label = Cast(KeyTextTransform(name, "labels"), models.TextField())
        alerts = alerts.alias(**{f"label{number}": label}).filter(**{f"label{number}": value})
    return alerts


def _keys_of(site: Site, service: Service) -> list[str] | None:
    """Read the keys of a service's own alerts; None if the site has too many to look at each.

    All periods of a key have the same labels. In a long time there can be a hundred thousand, so
    those of each alert are compared once, and not those of all periods in every query.
    """
    rows = AlertPeriod.objects.filter(site=site.name)
    one_of_each = rows.order_by("key").values_list("key").annotate(Min("pk"))
    found = [pk for _, pk in one_of_each[: MOST_ALERTS + 1]]
    if len(found) > MOST_ALERTS:
        return None
    labels = AlertPeriod.objects.filter(pk__in=found).values_list("key", "labels")
    return [key for key, has in labels if service.alerts.items() <= has.items()]


def _started(rows: "QuerySet[P]", when: Interval) -> list[P]:
    """Return the periods with which something started, and not only another text."""
    newest = list(rows.filter(start__range=when).order_by("-start")[:MOST_READ])
    before = rows.filter(end__range=when).order_by("-end").values_list("key", "end")
    ends = set(before[: 2 * MOST_READ])
    return [row for row in newest if (row.key, row.start) not in ends]


def _ended(rows: "QuerySet[P]", when: Interval) -> list[P]:
    newest = list(rows.filter(end__range=when).order_by("-end")[:MOST_READ])
    after = rows.filter(start__range=when).order_by("-start").values_list("key", "start")
    starts = set(after[: 2 * MOST_READ])
    return [row for row in newest if (row.key, row.end) not in starts]


def _by_label(site: Site) -> _ByLabel:
    """Return the services by one label that their alerts have."""
    found: dict[tuple[str, str], list[Service]] = {}
    for each in site.services.values():
        if each.alerts:
            found.setdefault(next(iter(each.alerts.items())), []).append(each)
    return found


def _of_alert(kind: Kind, row: AlertPeriod, at: int, by_label: _ByLabel) -> AlertChange:
    alert = as_it_was(row)
    detail = alert.summary if kind is Kind.FIRING else ""
    labels = alert.labels.items()
    several = (service for each in labels for service in by_label.get(each, ()))
    about = tuple(each.name for each in several if each.alerts.items() <= labels)
    return AlertChange(at, kind, alert.name, row.key, alert.severity, detail, services=about)


def _of_source(kind: Kind, row: SourcePeriod, at: int) -> AlertChange:
    detail = row.reason if kind is Kind.SILENT else ""
    return AlertChange(at, kind, row.key.removeprefix(OF_SOURCE), detail=detail)


def _together(changes: Iterable[AlertChange]) -> Iterator[AlertChange]:
    """Yield alerts of one name that changed one after the other as one change."""
    for _, same in groupby(changes, key=lambda change: (change.kind, change.name)):
        first, *others = same
        about = dict.fromkeys(name for each in (first, *others) for name in each.services)
        yield replace(first, count=1 + len(others), services=(*about,)) if others else first
