"""One watcher a site at a time; several watchers share the sites.

    every half interval:  renew what we hold ──> announce us ──> hold too few? claim what is free
                                                           └──> too many? give one back

A lease lasts one and a half intervals, so another watcher takes over within two after a kill.
A claim raises the site's epoch. Whatever a holder writes renews the lease of its epoch in the
same transaction; a holder that was stopped and wakes up later finds a higher epoch and writes
nothing. If nobody took over meanwhile, it must claim the site anew all the same once its lease has
been over for as long as it lasted, so that the time that it slept through is a hole.
"""

from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import ceil

from django.db import connection, transaction
from django.db.models import QuerySet
from django.utils import timezone

from ops import leases
from ops.vocabulary import timerange
from ops.watch.models import Watched, WatchedSite, Watcher

LASTS = 1.5  # intervals
_FORGOTTEN = timedelta(minutes=10)
_STOPPED = "10s"


class LeaseLost(Exception):
    """Another watcher works this site now; nothing was written."""


@dataclass(frozen=True, slots=True)
class SiteLease:
    """A site that this process watches. `seconds` is how long a renewal lasts."""

    site: str
    holder: str
    epoch: int
    seconds: float

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Open the transaction of what the holder writes; raises LeaseLost."""
        with transaction.atomic():
            if connection.vendor == "postgresql":
                # A holder that is stopped in here must not keep the others from taking over.
                with connection.cursor() as cursor:
                    cursor.execute(f"SET LOCAL idle_in_transaction_session_timeout = '{_STOPPED}'")
            self._renew()
            yield

    def release(self) -> None:
        """Give the site back, so that another watcher can claim it immediately."""
        leases.release(self._rows(), self.holder, _now())

    def _renew(self) -> None:
        now, lasts = _now(), timedelta(seconds=self.seconds)
        mine = self._rows().filter(holder=self.holder, lease_until__gt=now - lasts)
        if not mine.update(lease_until=now + lasts):
            raise LeaseLost(self.site)
        watched = Watched.objects.filter(site=self.site, epoch=self.epoch)
        watched.update(end=timerange.now_ns())

    def _rows(self) -> "QuerySet[WatchedSite]":
        return WatchedSite.objects.filter(site=self.site, epoch=self.epoch)


def renew(held: Iterable[SiteLease]) -> list[SiteLease]:
    """Renew leases; return those that are lost."""
    lost = []
    with transaction.atomic():
        for each in held:
            try:
                each._renew()
            except LeaseLost:
                lost.append(each)
    return lost


def share(holder: str, sites: int, seconds: float) -> int:
    """Announce this watcher, and return how many of the sites are its share."""
    now = _now()
    Watcher.objects.update_or_create(name=holder, defaults={"seen": now})
    Watcher.objects.filter(seen__lt=now - _FORGOTTEN).delete()
    alive = Watcher.objects.filter(seen__gt=now - timedelta(seconds=seconds)).count()
    return ceil(sites / max(alive, 1))


def claim(holder: str, sites: Collection[str], seconds: float, most: int) -> list[SiteLease]:
    """Claim up to `most` of these sites that nobody holds."""
    if most <= 0 or not sites:
        return []
    now = _now()
    free = WatchedSite.objects.filter(site__in=sites)
    missing = {*sites}.difference(free.values_list("site", flat=True))
    WatchedSite.objects.bulk_create(
        (WatchedSite(site=name, holder="", lease_until=now) for name in sorted(missing)),
        ignore_conflicts=True,
    )
    found: list[SiteLease] = []
    for row in free.filter(lease_until__lte=now):
        if len(found) < most and _take(row, holder, now, seconds):
            found.append(SiteLease(row.site, holder, row.epoch + 1, seconds))
    return found


def _take(row: WatchedSite, holder: str, now: datetime, seconds: float) -> bool:
    start = timerange.now_ns()
    with transaction.atomic():
        taken = leases.claim(
            row,
            holder,
            now + timedelta(seconds=seconds),
            unchanged=("epoch",),
            epoch=row.epoch + 1,
        )
        if taken:
            Watched.objects.create(site=row.site, epoch=row.epoch + 1, start=start, end=start)
    return taken


def withdraw(holder: str) -> None:
    """Say that this watcher has ended."""
    Watcher.objects.filter(name=holder).delete()


def _now() -> datetime:
    """Return the time by the database's clock: those of the watchers' machines can differ."""
    if connection.vendor != "postgresql":
        return timezone.now()
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        [(now,)] = cursor.fetchall()
    found: datetime = now
    return found
