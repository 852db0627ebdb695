"""The silences of a time, also those that have ended: Alertmanager keeps them for some days."""

import asyncio
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from ops.actor import Actor
from ops.alerts.answers import SourceFailure
from ops.alerts.notifying import ask_each
from ops.backends.alertmanager import Alertmanager
from ops.guard import action
from ops.patience import patient
from ops.silences.rules import site_with_silences
from ops.vocabulary.notifications import ALERTNAME, Silence

READ = "alerts.view_alerts"
PATIENCE = 1.0  # seconds
MOST = 200


@dataclass(frozen=True, slots=True)
class PastSilences:
    """The silences that were in force at any time of a window, the newest first, at most MOST.

    `more` means that older ones are left out. `failures` are the Alertmanagers, if none answered:
    they share their silences, so the answer of one is enough.
    """

    silences: tuple[Silence, ...]
    more: bool = False
    failures: tuple[SourceFailure, ...] = ()

    @property
    def problems(self) -> tuple[str, ...]:
        """A sentence for each Alertmanager that did not answer."""
        return tuple(each.reason for each in self.failures)


@action("silences.list_past", permission=READ)
async def list_past(actor: Actor, *, start: int = 0, end: int = 0, site: str = "") -> PastSilences:
    """Return the silences in force from start to end (Unix ns).

    Raises NotSetUp without Alertmanager.
    """
    where = site_with_silences(site)
    answers, failures = await ask_each(where, Alertmanager.kept_silences, patient(PATIENCE))
    known = {each.id: each for answer in answers.values() for each in answer}
    found = await asyncio.to_thread(_selected, known, start, end)
    return PastSilences(found[:MOST], len(found) > MOST, () if answers else tuple(failures))


def _selected(known: Mapping[str, Silence], start: int, end: int) -> tuple[Silence, ...]:
    found = [
        each
        for each in known.values()
        # One that was ended before it began was never in force.
        if each.starts_at < each.ends_at and each.starts_at <= end and each.ends_at >= start
    ]
    return tuple(sorted(found, key=lambda each: (-each.starts_at, each.id)))


def is_about(silence: Silence, labels: Mapping[str, str], names: Collection[str]) -> bool:
    """Return whether a silence is about a service whose alerts have these labels and names.

    No matcher excludes the labels, and one of them is about a label or accepts a name.
    """
    about = False
    for each in silence.matchers:
        if each.name in labels:
            if not each.accepts(labels[each.name]):
                return False
            about = True
        elif each.name == ALERTNAME:
            if not any(map(each.accepts, names)):
                return False
            about = True
    return about
