"""The incidents of a time, for the overview: what changed, and the time line."""

from ops.actor import Actor
from ops.incidents.actions import list_incidents
from ops.overview.incidents import MOST, PastIncident


async def past_incidents(
    actor: Actor, *, start: int, end: int, service: str, site: str
) -> tuple[PastIncident, ...]:
    """Return the newest MOST that were open at any time from start to end (Unix nanoseconds)."""
    found = await list_incidents(
        actor, start=start, end=end, service=service, limit=MOST, site=site
    )
    return tuple(
        PastIncident(
            each.number, each.title, each.opener, each.opened_at, each.closer, each.closed_at
        )
        for each in found.incidents
    )
