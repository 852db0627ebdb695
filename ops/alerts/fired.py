"""When alerts fired, from the periods that a watcher has written.

A period ends only if a source that knows the alert answers without it. While all of its sources are
silent, or nobody watches, an alert's period stays open, and is `unknown` since then.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace

from django.db.models import Count, Max, Q

from ops.alerts.history import OF_SOURCE, as_it_was
from ops.alerts.models import AlertPeriod
from ops.sites import Site
from ops.vocabulary.alerts import FIRING, Alert
from ops.watch.models import SourcePeriod, Watched
from ops.watch.picture import young_ns

MOST_READ = 20_000  # periods that have ended
MOST_OF_NAMES = 5_000


@dataclass(frozen=True, slots=True)
class Fired:
    """A time during which an alert was firing without a gap; times are Unix nanoseconds.

    `end` is 0 while it lasts. `unknown` is since when it is not known whether it does, 0 if it is.
    """

    alert: Alert
    start: int
    end: int = 0
    unknown: int = 0


def version(site: Site) -> tuple[int, ...]:
    """Return what changes whenever a period of the site starts or ends.

    One that ends makes the open ones fewer, unless another one starts.
    """
    rows = AlertPeriod.objects.filter(site=site.name, end=None)
    found = rows.aggregate(Max("pk"), Max("start"), Count("pk"))
    return tuple(number or 0 for number in found.values())


def read_fired(site: Site, since: int, names: Mapping[str, int]) -> list[Fired]:
    """Read what fires, and what has fired since then, the first to start first.

    Of alerts with these names it is what has fired since an earlier time. Watchdogs and what is
    quiet by design are included. Call it in ops.database.in_database.
    """
    rows = AlertPeriod.objects.filter(site=site.name, state=FIRING)
    found = [*rows.filter(end=None), *rows.filter(end__gte=since).order_by("-end")[:MOST_READ]]
    if names:
        earlier = Q()
        for name, start in names.items():
            earlier |= Q(name=name, end__gte=start)
        found += rows.filter(earlier, end__lt=since).order_by("-end")[:MOST_OF_NAMES]
    return joined(found)


def joined(periods: Iterable[AlertPeriod]) -> list[Fired]:
    """Join the periods in which an alert fired on with another text; the newest text counts."""
    by_key: dict[str, Fired] = {}
    found: list[Fired] = []
    for row in sorted(periods, key=lambda row: (row.start, row.pk or 0)):
        one, before = Fired(as_it_was(row), row.start, row.end or 0), by_key.get(row.key)
        if before is not None and before.end and row.start <= before.end:
            one = replace(one, start=before.start)
        elif before is not None:
            found.append(before)
        by_key[row.key] = one
    return sorted([*found, *by_key.values()], key=lambda each: (each.start, each.alert.fingerprint))


def silent_since(site: Site, now: int) -> Mapping[str, int]:
    """Return the sources that are silent, or that nobody asks, with the time since when."""
    names = [source.name for source in site.prometheus]
    last = Watched.objects.filter(site=site.name).aggregate(Max("end"))["end__max"]
    rows = SourcePeriod.objects.filter(
        site=site.name, end=None, key__in=[f"{OF_SOURCE}{name}" for name in names]
    ).exclude(state=SourcePeriod.ANSWERS)
    found = {row.key.removeprefix(OF_SOURCE): row.start for row in rows}
    if last is not None and now - last > young_ns():
        found = {name: min(found.get(name, last), last) for name in names}
    return found


def unknown_to(site: Site, silent: Mapping[str, int]) -> Callable[[Alert], int]:
    """Return what says since when an alert's state is unknown, 0 if a source of it answers.

    One of a pair that answers knows; a source that is no longer in the site file says nothing.
    """
    origins: dict[str, list[str]] = {}
    for source in site.prometheus:
        origins.setdefault(source.pair or source.name, []).append(source.name)
    of_source = {name: names for names in origins.values() for name in names}

    def since(alert: Alert) -> int:
        knowing = {each for name in alert.sources for each in of_source.get(name, ())}
        knowing = knowing or {source.name for source in site.prometheus}
        return max(silent[name] for name in knowing) if knowing <= silent.keys() else 0

    return since
