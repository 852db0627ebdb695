"""What changed during the time of a picture, as marks that lead to the time line."""

import asyncio

from ops.errors import OpsError
from ops.overview.actions import ChangeKind, Happened, show_changes
from ops.patience import patient
from ops.vocabulary.timerange import Moment, TimeRange
from opsportal.dashboard.lanes import Mark
from opsportal.dashboard.timeline_form import View
from opsportal.dashboard.timeline_words import said
from opsportal.dashboard.visit import Visit

PATIENCE = 0.5  # seconds: a picture is shown without marks rather than late
READ = "overview.view_overview"
# From our own database; silences would have to be asked for.
KINDS = (ChangeKind.ROLLOUTS, ChangeKind.SAMPLING, ChangeKind.ALERTS, ChangeKind.INCIDENTS)


async def changes_between(
    visit: Visit, start: int, end: int, service: str = "", kinds: tuple[ChangeKind, ...] = KINDS
) -> tuple[Happened, ...]:
    """Return what is known to have changed on the site, or in a service that it has.

    Alerts that ended are left out: what began is what matters beside traces.
    """
    if READ not in visit.permissions or start >= end:
        return ()
    own = service if service in visit.site.services else ""
    try:
        async with asyncio.timeout(patient(PATIENCE)):
            found = await show_changes(
                visit.actor,
                kinds=kinds,
                range=TimeRange(Moment(start), Moment(end)),
                service=own,
                site=visit.site.name,
            )
    except (OpsError, TimeoutError):
        return ()
    return tuple(each for each in found.found if not (each.alert and each.alert.kind != "firing"))


def mark_of(visit: Visit, each: Happened) -> Mark:
    """Return a change as a mark."""
    text = f"{said(each)}, {visit.clock.utc(each.at)} UTC"
    sign, tone = "●", "calm"
    if each.version:
        sign, tone = "⇧", "warn"
    elif each.sampling:
        sign, tone = "◎", "ok"
    elif each.alert:
        sign, tone = "▲", "error"
    elif each.incident:
        sign = "■"
    return Mark(each.at, text, tone, moment_url(visit, each.at), sign)


def moment_url(visit: Visit, at: int) -> str:
    """Return the address of the time line at a moment."""
    return f"{visit.url('timeline')}{View(visit.clock.now, at=at).query}"
