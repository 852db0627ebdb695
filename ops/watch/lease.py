"""One watcher a site at a time; several watchers share the sites.

    every half interval:  say that we are alive ──> renew what we hold ──> hold too few? claim one
                                                                     └──> too many? give one back

A lease lasts one and a half intervals, so another watcher takes over within two after a kill.
A claim raises the site's epoch. Whatever a holder writes renews the lease of its epoch in the
same transaction; a holder that was stopped and wakes up later finds a higher epoch and writes
nothing.
"""

from collections.abc import Collection, Iterator
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

    def renew(self) -> None:
        """Renew the lease; raises LeaseLost."""
        with transaction.atomic():
            self._renew()

    def release(self) -> None:
        """Give the site back, so that another watcher can claim it immediately."""
        leases.release(self._rows(), self.holder, timezone.now())

    def _renew(self) -> None:
        until = timezone.now() + timedelta(seconds=self.seconds)
        if not self._rows().filter(holder=self.holder).update(lease_until=until):
            raise LeaseLost(self.site)
        mine = Watched.objects.filter(site=self.site, epoch=self.epoch)
        mine.update(end=timerange.now_ns())

    def _rows(self) -> "QuerySet[WatchedSite]":
        return WatchedSite.objects.filter(site=self.site, epoch=self.epoch)


def claim(
    holder: str, sites: Collection[str], held: Collection[str], seconds: float
) -> SiteLease | None:
    """Claim one free site if this watcher has fewer than its share; None if there is nothing to do.

    `held` are the sites that it has already.
    """
    now = timezone.now()
    if len(held) >= _share(holder, len(sites), now, seconds):
        return None
    free = {name for name in sites if name not in held}
    rows = {row.site: row for row in WatchedSite.objects.filter(site__in=free)}
    for name in free - rows.keys():
        rows[name], _ = WatchedSite.objects.get_or_create(
            site=name, defaults={"holder": "", "lease_until": now}
        )
    for row in rows.values():
        if row.lease_until <= now and _take(row, holder, now, seconds):
            return SiteLease(row.site, holder, row.epoch + 1, seconds)
    return None


def has_too_many(holder: str, sites: int, held: int, seconds: float) -> bool:
    """Return whether this watcher should give one of its sites to another."""
    return held > _share(holder, sites, timezone.now(), seconds)


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


def _share(holder: str, sites: int, now: datetime, seconds: float) -> int:
    """Announce this watcher, and return how many sites are its share."""
    Watcher.objects.update_or_create(name=holder, defaults={"seen": now})
    Watcher.objects.filter(seen__lt=now - _FORGOTTEN).delete()
    alive = Watcher.objects.filter(seen__gt=now - timedelta(seconds=seconds)).count()
    return ceil(sites / max(alive, 1))


def withdraw(holder: str) -> None:
    """Say that this watcher has ended."""
    Watcher.objects.filter(name=holder).delete()
