"""How far back the memory of a site goes: what a watcher saw, and when nobody watched."""

from dataclasses import dataclass

from django.conf import settings

from ops.alerts.intervals import Interval, between, joined
from ops.vocabulary import timerange
from ops.watch.models import Watched
from ops.watch.picture import young_ns


@dataclass(frozen=True, slots=True)
class Memory:
    """What is remembered of a time; Unix nanoseconds.

    `since` is when the memory begins, 0 if the site was never watched. `holes` are parts of that
    time in which nobody watched, including what was before.
    """

    since: int = 0
    holes: tuple[Interval, ...] = ()


def read_memory(site: str, start: int, end: int) -> Memory:
    """Read what is remembered from start to end; call it in ops.database.in_database."""
    rows = Watched.objects.filter(site=site)
    first = rows.order_by("epoch").values_list("start", flat=True).first()
    if first is None:
        return Memory(0, ((start, end),))
    kept = timerange.now_ns() - settings.HISTORY_DAYS * timerange.DAY
    lasts = young_ns()
    watched = rows.filter(end__gt=start - lasts).values_list("start", "end")
    known = joined((max(first, kept), last + lasts) for first, last in watched if last > kept)
    return Memory(max(first, kept), tuple(between(known, start, end)))
