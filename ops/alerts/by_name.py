"""What a site's alerts did during a time, by name."""

from dataclasses import dataclass
from functools import partial

from django.db.models import Max, Min

from ops.actor import Actor
from ops.alerts.changes import of_service
from ops.alerts.history import Strip, active, as_it_was, filled, holes
from ops.alerts.models import AlertPeriod
from ops.backends.clients import clients
from ops.database import in_database
from ops.guard import action
from ops.sites import Service, Site, sites
from ops.vocabulary import timerange

READ = "alerts.view_alerts"
MOST_NAMES = 100
LATELY = timerange.MINUTE


@dataclass(frozen=True, slots=True)
class PastAlerts:
    """The alerts of one name: what they did, and the severity of the newest.

    `fingerprint` is the alert's if there was only one, else "".
    """

    name: str
    severity: str
    fingerprint: str
    strip: Strip


@dataclass(frozen=True, slots=True)
class AlertsByName:
    """The alerts of a time, the name whose alerts began last first; `more` names are left out."""

    names: tuple[PastAlerts, ...]
    more: int


@action("alerts.list_by_name", permission=READ)
async def list_by_name(
    actor: Actor,
    *,
    start: int = 0,
    end: int = 0,
    most: int = 20,
    service: str = "",
    site: str = "",
) -> AlertsByName:
    """Return what alerts did from start to end (Unix ns), from memory: no source is asked."""
    where = sites().site(site)
    what = where.service(service) if service else None
    key = ("alerts by name", where, what, start, end, most)
    names = min(most, MOST_NAMES)
    read = partial(in_database, _read, where, what, Strip(start, end), names, timerange.now_ns())
    return await clients().reads.answer(key, read)


def _read(site: Site, service: Service | None, empty: Strip, most: int, now: int) -> AlertsByName:
    rows = AlertPeriod.objects.filter(site=site.name)
    rows = rows.exclude(name__in=site.unlisted)
    if empty.end < now - LATELY:
        # Of a time that ends now it is true of all, and SQLite would take the wrong index.
        rows = rows.filter(start__lt=empty.end)
    if service:
        rows = of_service(rows, site, service, empty.end - empty.start)
    newest: dict[str, tuple[int, int]] = {}
    keys: dict[str, set[str]] = {}
    ended = rows.filter(end__gt=empty.start).values_list("name")
    open_ = rows.filter(end=None).values_list("name", "start", "pk", "key")
    for part in (open_, ended.annotate(Max("start"), Max("pk"), Min("key"), Max("key"))):
        for name, start, pk, *some in part:
            newest[name] = max(newest.get(name, (0, 0)), (start, pk))
            keys.setdefault(name, set()).update(some)
    shown = sorted(newest, key=lambda name: (-newest[name][0], name))[:most]
    last = AlertPeriod.objects.in_bulk([newest[name][1] for name in shown])
    unknown = holes(site.name, [each.name for each in site.prometheus], empty, now)
    return AlertsByName(
        tuple(
            PastAlerts(
                name=name,
                severity=as_it_was(last[newest[name][1]]).severity,
                fingerprint=next(iter(keys[name])) if len(keys[name]) == 1 else "",
                # SQLite takes the best index only for one name at once.
                strip=filled(empty, [active(rows.filter(name=name), empty)], unknown),
            )
            for name in shown
            if newest[name][1] in last
        ),
        len(newest) - len(shown),
    )
