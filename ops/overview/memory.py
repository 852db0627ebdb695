"""How far back the memory of a site goes: what a watcher saw, and when nobody watched."""

from dataclasses import dataclass

from django.conf import settings

from ops.alerts.intervals import Interval, between, joined
from ops.vocabulary import timerange
from ops.watch.models import Watched
from ops.watch.picture import young_ns

SHORT = timerange.MINUTE  # as while a watcher restarts: what happened then is seen after it


@dataclass(frozen=True, slots=True)
class Memory:
    """What is remembered of a time; Unix nanoseconds.

    `since` is when the memory begins, 0 if the site was never watched. `holes` are parts of that
    time in which nobody watched, including what was before.
    """

    since: int = 0
    holes: tuple[Interval, ...] = ()

    @property
    def unwatched(self) -> int:
        """For how long nobody watched since the memory begins, nanoseconds."""
        return sum(end - start for start, end in self.holes if start >= self.since)

    @property
    def has_holes(self) -> bool:
        """Whether nobody watched for so long that something may be missing."""
        return sum(end - start for start, end in self.holes) >= SHORT


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
