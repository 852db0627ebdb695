"""What a watcher watches: each subject says whom to ask, how, and what to remember.

Services define their subjects (`ops/alerts/watching.py`) and other duties
(`ops/sampling/reconciling.py`); a watcher knows nothing of alerts or of sampling.
"""

from collections.abc import Sequence
from typing import Any, Protocol, TypeVar

from django.db import models

from ops.sites import Site
from ops.watch.lease import SiteLease
from ops.watch.periods import Changes
from ops.watch.picture import Picture

A = TypeVar("A")


class History(Protocol[A]):
    """What a subject remembers of one site, in memory of what the database has."""

    def resume(self) -> None:
        """Read what is open in the database: at the start, and after a write that failed."""

    def changes(self, picture: Picture[A]) -> Sequence[Changes[Any]]:
        """Return what is new in a picture; it is written, or `resume` is called."""


class Subject(Protocol[A]):
    """Something that a watcher polls.

    `name` is unique; `answer` is the type of an answer.
    """

    name: str
    answer: type[A]

    @property
    def remembered(self) -> Sequence[type[models.Model]]:
        """The models of its history; each has `site` and `end`, see ops.watch.periods."""

    def sources(self, site: Site) -> Sequence[str]:
        """Return the names of the site's sources."""

    async def poll(self, site: Site, source: str, before: A | None) -> A:
        """Ask one source, which answered `before` the last time; raises OpsError."""

    def history(self, site: Site) -> History[A]:
        """Return the site's history, for one watcher."""


class Duty(Protocol):
    """Something else to do for a site, one watcher at a time; see ops.watch.lease."""

    def has(self, site: Site) -> bool:
        """Return whether there is anything to do for the site."""

    async def run(self, site: Site, lease: SiteLease) -> None:
        """Do it until cancelled; raises LeaseLost if another watcher has the site."""
