"""Rows that one process at a time works on, claimed by compare-and-set.

             claim                    renew
    free ────────────> held by A ───────────────> held until later
     ^                     │                          │
     └─────── release ─────┴──── lease_until passes ──┴─> free for all: B's claim succeeds,
                                                          and whatever A writes then must fail

A claim updates the row only if it is unchanged since it was read, so of several processes that
try, one succeeds. What a holder writes must name the holder. Nothing is locked: a process
that is stopped or killed keeps a row until its lease is over. So any connection pooler will do.
"""

from datetime import datetime
from typing import Any, TypeVar

from django.db import models
from django.db.models import QuerySet

L = TypeVar("L", bound="Leased")


class Leased(models.Model):
    """A row with a lease. `holder` is the process that works on it, "" for none."""

    holder = models.CharField(max_length=64)
    lease_until = models.DateTimeField()

    class Meta:
        abstract = True


def claim(
    row: Leased, holder: str, until: datetime, unchanged: tuple[str, ...] = (), **also: Any
) -> bool:
    """Take a row as it was read, and set columns with it; returns False if it has changed.

    The lease and the columns in `unchanged` must still be what they were.
    """
    expected = {name: getattr(row, name) for name in ("holder", "lease_until", *unchanged)}
    same = type(row)._default_manager.filter(pk=row.pk, **expected)
    return same.update(holder=holder, lease_until=until, **also) == 1


def renew(rows: QuerySet[L], holder: str, until: datetime) -> None:
    """Renew the leases of those rows that the holder has."""
    rows.filter(holder=holder).update(lease_until=until)


def release(rows: QuerySet[L], holder: str, now: datetime) -> None:
    """Give back those rows that the holder has."""
    rows.filter(holder=holder).update(holder="", lease_until=now)


def abandoned(rows: QuerySet[L], now: datetime) -> QuerySet[L]:
    """Return those rows that no process holds any more."""
    return rows.filter(lease_until__lte=now)
