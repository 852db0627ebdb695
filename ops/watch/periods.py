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
from collections.abc import Callable, KeysView, Mapping, ValuesView
from dataclasses import dataclass, field
from operator import eq
from typing import Generic, TypeVar

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


M = TypeVar("M", bound=models.Model)
P = TypeVar("P", bound=Period)
T = TypeVar("T")
F = TypeVar("F")


@dataclass(slots=True)
class Changes(Generic[M]):
    """The periods that start, and the keys of those that end with the time of their end."""

    model: type[M]
    started: list[M] = field(default_factory=list)
    ended: dict[int, int] = field(default_factory=dict)  # primary key -> end

    def __len__(self) -> int:
        return len(self.started) + len(self.ended)

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


class Recorder(Generic[P, T, F]):
    """Compares what is seen of one site with the periods that are open in the database.

    `row` makes the period of a thing, without its start; `facts` returns what makes a new period
    unless it is the `same` as before, and what `changes` judges a thing by that is not seen.
    `mine` selects the keys that it looks after. Not thread-safe.

    There can be many open periods, so little is kept of each, and nothing that the garbage
    collector would have to visit.
    """

    def __init__(
        self,
        model: type[P],
        site: str,
        *,
        row: Callable[[str, T], P],
        facts: Callable[[T], F],
        facts_of_row: Callable[[P], F],
        mine: Callable[[str], bool] = lambda _: True,
        same: Callable[[F, F], bool] = eq,
    ) -> None:
        self._model = model
        self._site = site
        self._row = row
        self._facts = facts
        self._facts_of_row = facts_of_row
        self._mine = mine
        self._same = same
        self._open: dict[str, tuple[int, int]] = {}  # primary key and start
        self._started: list[P] = []  # the last ones, which get their primary key when written
        self._known: dict[str, F] = {}
        # By key: since when, by the clock on the wall and by the one that never jumps.
        self._missing: dict[str, tuple[int, int]] = {}

    @property
    def open(self) -> KeysView[str]:
        """The keys of the things that are there now, also of those that are not written yet."""
        return self._known.keys()

    @property
    def known(self) -> ValuesView[F]:
        """The facts of the things that are there now."""
        return self._known.values()

    def resume(self) -> None:
        """Read what is open: at the start, and after a write that failed."""
        self._open, self._known, self._started = {}, {}, []
        # Not ordered by start: SQLite would go through all periods for that.
        rows = self._model._default_manager.filter(site=self._site, end=None)
        for row in rows.iterator():
            _, start = self._open.get(row.key, (0, -1))
            if self._mine(row.key) and row.start > start:  # of several, the last one counts
                self._open[row.key] = (row.pk, row.start)
                self._known[row.key] = self._facts_of_row(row)

    def changes(
        self,
        now: int,
        seen: Mapping[str, T],
        *,
        unknown: Callable[[str, F], bool] = lambda *_: False,
        grace: Callable[[F], int] = lambda _: 0,
        clock: Callable[[], int] = time.monotonic_ns,
    ) -> Changes[P]:
        """Return what has changed by now (Unix nanoseconds).

        `unknown` says of a key and its facts whether a thing that is not seen may still be there,
        `grace` for how long, in nanoseconds by `clock`, one may be missing without an end.
        """
        found, elapsed = Changes(self._model), clock()
        self._open |= {row.key: (row.pk, row.start) for row in self._started}
        self._started = found.started
        for key in self._missing.keys() - self._open.keys():  # these ends have been written
            del self._missing[key]
        for key, thing in seen.items():
            self._missing.pop(key, None)
            new = self._facts(thing)
            if key not in self._open or not self._same(self._known[key], new):
                self._start(found, key, thing, now)
            self._known[key] = new
        for key in self._open.keys() - seen.keys():
            facts = self._known[key]
            if unknown(key, facts):
                self._missing.pop(key, None)
                continue
            since, then = self._missing.setdefault(key, (now, elapsed))
            if elapsed - then >= grace(facts):
                self._end(found, key, since)
                del self._known[key]
        return found

    def _start(self, found: Changes[P], key: str, thing: T, now: int) -> None:
        if key in self._open:
            self._end(found, key, now)
        row = self._row(key, thing)
        row.site, row.key, row.start, row.end = self._site, key, now, None
        found.started.append(row)

    def _end(self, found: Changes[P], key: str, at: int) -> None:
        pk, start = self._open.pop(key)
        found.ended[pk] = max(at, start)  # the clock may have been set back meanwhile


def stored(text: str) -> str:
    """Return a source's text as the database takes it: bounded; PostgreSQL refuses NUL."""
    return text[:LONGEST_TEXT].replace("\0", "\N{REPLACEMENT CHARACTER}")
