"""When services started to run other versions, to mark it in the strips of their alerts."""

from collections.abc import Collection, Sequence

from ops.errors import OpsError
from ops.overview.happened import VersionChange, version_changes
from ops.patience import patient
from ops.versions import actions as versions
from opsportal.dashboard import words
from opsportal.dashboard.lanes import Mark
from opsportal.dashboard.line_marks import moment_url
from opsportal.dashboard.visit import Visit

PATIENCE = 0.3  # seconds: what is read too late is there the next time


async def rollouts(visit: Visit) -> Sequence[tuple[str, Mark]]:
    """Return the rollouts that are known, by service; none if this user may not see versions."""
    if versions.READ not in visit.permissions or not visit.site.prometheus:
        return ()
    try:
        found = await versions.list_versions(
            visit.actor, site=visit.site.name, patience=patient(PATIENCE)
        )
    except OpsError:
        return ()
    return [
        (service.service, _mark(visit, each.at, each.version))
        for service in found
        if service.history
        for each in version_changes(service.service, service.history)
        if each.version
    ]


def _mark(visit: Visit, at: int, change: VersionChange) -> Mark:
    names = words.name(", ".join(change.versions))
    text = f"{words.name(change.service)} started to run {names}"
    return Mark(at, text, "warn", moment_url(visit, at), "⇧")


def of_services(found: Sequence[tuple[str, Mark]], services: Collection[str]) -> Sequence[Mark]:
    """Return those of some services, in the order of time."""
    return sorted((mark for service, mark in found if service in services), key=lambda m: m.at)
