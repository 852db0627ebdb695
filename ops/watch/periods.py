"""The past as periods: a thing of a site was in one state from a start to an end.

What is seen at each poll is compared with the periods that are open, so only changes are written:

    seen, unlike before ──> the open period ends, a new one starts
    seen, as before ──────> nothing
    not seen ─────────────> nothing at first; once it has been missing for longer than its grace,
                            its period ends at the time when it was first missing
    not known (its source did not answer) ──> nothing

So a failed poll ends nothing, nor does a short absence such as a restart. Times are those of the
clock on the wall, but how long something is missing is measured with one that never jumps.
"""

import time
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, field
from operator import eq
from typing import Any, Generic, TypeVar

from django.db import models
from django.db.models import Q

SLICE = 500  # rows a statement
LONGEST_TEXT = 4_000  # characters that are remembered of a source's text


class Period(models.Model):
    """A thing of a site in one state. Times are Unix nanoseconds; `end` is None while it lasts."""

    site = models.CharField(max_length=63)
    key = models.CharField(max_length=160)
    state = models.CharField(max_length=32)
    start = models.BigIntegerField()
    end = models.BigIntegerField(null=True)

    class Meta:
        abstract = True
        default_permissions = ()

    def __str__(self) -> str:
        return f"{self.site}: {self.key} {self.state}"

    @staticmethod
    def indexes(name: str) -> list[models.Index]:
        """Return the indexes that every kind of period has; `name` is the kind's."""
        return [
            models.Index(fields=["site", "key", "start"], name=f"{name}_of_key"),
            models.Index(fields=["site", "end"], name=f"{name}_by_end"),
            models.Index(fields=["site"], condition=Q(end=None), name=f"{name}_open"),
        ]


P = TypeVar("P", bound=Period)
T = TypeVar("T")


@dataclass(slots=True)
class Changes(Generic[P]):
    """The periods that start, and the keys of those that end with the time of their end."""

    model: type[P]
    started: list[P] = field(default_factory=list)
    ended: dict[int, int] = field(default_factory=dict)  # primary key -> end

    def __len__(self) -> int:
        return len(self.started) + len(self.ended)

    def end(self, row: P, at: int) -> None:
        """End a period; not before its start, if the clock was set back meanwhile."""
        self.ended[row.pk] = max(at, row.start)

    def write(self) -> None:
        """Write them; the caller has opened the transaction."""
        by_end: dict[int, list[int]] = {}
        for pk, end in self.ended.items():
            by_end.setdefault(end, []).append(pk)
        rows = self.model._default_manager
        for end, pks in by_end.items():
            for first in range(0, len(pks), SLICE):
                rows.filter(pk__in=pks[first : first + SLICE]).update(end=end)
        rows.bulk_create(self.started, batch_size=SLICE)


class Recorder(Generic[P, T]):
    """Compares what is seen of one site with the periods that are open in the database.

    `row` makes the period of a thing, without its start; `facts` returns what makes a new period
    unless it is the `same` as before. `mine` selects the keys that it looks after. Not
    thread-safe.
    """

    def __init__(
        self,
        model: type[P],
        site: str,
        *,
        row: Callable[[str, T], P],
        facts: Callable[[T], Hashable],
        facts_of_row: Callable[[P], Hashable],
        mine: Callable[[str], bool] = lambda _: True,
        same: Callable[[Any, Any], bool] = eq,
    ) -> None:
        self._model = model
        self._site = site
        self._row = row
        self._facts = facts
        self._facts_of_row = facts_of_row
        self._mine = mine
        self._same = same
        self._open: dict[str, P] = {}
        self._known: dict[str, tuple[T | None, Hashable]] = {}
        # By key: since when, by the clock on the wall and by the one that never jumps.
        self._missing: dict[str, tuple[int, int]] = {}

    @property
    def open(self) -> Mapping[str, P]:
        """The open periods by key."""
        return self._open

    def resume(self) -> None:
        """Read what is open: at the start, and after a write that failed."""
        rows = self._model._default_manager.filter(site=self._site, end=None).order_by("start")
        self._open = {row.key: row for row in rows if self._mine(row.key)}
        self._known = {key: (None, self._facts_of_row(row)) for key, row in self._open.items()}

    def changes(
        self,
        now: int,
        seen: Mapping[str, T],
        *,
        unknown: Callable[[P], bool] = lambda _: False,
        grace: Callable[[P], int] = lambda _: 0,
        clock: Callable[[], int] = time.monotonic_ns,
    ) -> Changes[P]:
        """Return what has changed by now (Unix nanoseconds).

        `unknown` says whether a thing that is not seen may still be there, `grace` for how long,
        in nanoseconds by `clock`, one may be missing without an end.
        """
        found, elapsed = Changes(self._model), clock()
        for key in self._missing.keys() - self._open.keys():  # these ends have been written
            del self._missing[key]
        for key, thing in seen.items():
            before, facts = self._known.get(key, (None, None))
            if before is thing:
                self._missing.pop(key, None)
                continue
            new = self._facts(thing)
            self._missing.pop(key, None)
            self._known[key] = (thing, new)
            if key in self._open and self._same(facts, new):
                continue
            self._start(found, key, thing, now)
        for key in self._open.keys() - seen.keys():
            row = self._open[key]
            if unknown(row):
                self._missing.pop(key, None)
                continue
            since, then = self._missing.setdefault(key, (now, elapsed))
            if elapsed - then >= grace(row):
                self._end(found, key, since)
        return found

    def _start(self, found: Changes[P], key: str, thing: T, now: int) -> None:
        if old := self._open.pop(key, None):
            found.end(old, now)
        row = self._row(key, thing)
        row.site, row.key, row.start, row.end = self._site, key, now, None
        self._open[key] = row
        found.started.append(row)

    def _end(self, found: Changes[P], key: str, at: int) -> None:
        found.end(self._open.pop(key), at)
        self._known.pop(key, None)


def stored(text: str) -> str:
    """Return a source's text as the database takes it: bounded; PostgreSQL refuses NUL."""
    return text[:LONGEST_TEXT].replace("\0", "\N{REPLACEMENT CHARACTER}")


def prune(model: type[models.Model], site: str, before: int, most: int = SLICE) -> int:
    """Delete rows of a site whose `end` is before a time, `most` at once; return how many."""
    rows = model._default_manager.filter(site=site)
    old = list(rows.filter(end__lt=before).order_by("end").values_list("pk", flat=True)[:most])
    if old:
        rows.filter(pk__in=old).delete()
    return len(old)
