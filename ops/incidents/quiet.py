"""Which open incidents are quiet, so that closing them is offered in their threads."""

from dataclasses import dataclass

from ops.alerts.during import read_during
from ops.errors import OpsError
from ops.incidents import store
from ops.incidents.facts import Incident, OriginKind
from ops.incidents.gathering import course, is_over, services_of, window
from ops.sites import sites
from ops.vocabulary import timerange


@dataclass(frozen=True, slots=True)
class Offer:
    """An incident with a thread whose alerts have been quiet for long enough, and since when.

    `before` is since when they were when it was last offered (Unix nanoseconds), 0 for never.
    """

    incident: Incident
    quiet_since: int
    before: int


def read_offers() -> tuple[Offer, ...]:
    """Read those that have not been offered yet; call it in ops.database.in_database."""
    found = []
    for incident, before in store.with_threads():
        since = _quiet_since(incident)
        if since > before:
            found.append(Offer(incident, since, before))
    return tuple(found)


def _quiet_since(incident: Incident) -> int:
    """Return since when all of its alerts are quiet, 0 if they are not, or not for long."""
    try:
        site = sites().site(incident.site)
    except OpsError:
        return 0  # the site file no longer has it
    start, end = window(incident, timerange.now_ns())
    origin = incident.origin
    columns = {OriginKind.ALERT: "key", OriginKind.GROUP: "name"}
    also = {columns[origin.kind]: origin.key} if origin.kind in columns else {}
    found = read_during(site, services_of(site, incident), also, start, end)
    return course(found, end).quiet_since if is_over(found, end) else 0
