"""When services started to run other versions, to mark it in the strips of their alerts."""

from collections.abc import Collection, Sequence

from ops.errors import OpsError
from ops.overview.happened import version_changes
from ops.versions import actions as versions
from opsportal.dashboard.strips import Rollout
from opsportal.dashboard.visit import Visit

PATIENCE = 0.3  # seconds: what is read too late is there the next time


async def rollouts(visit: Visit) -> Sequence[Rollout]:
    """Return the rollouts that are known; none if this user may not see versions."""
    if versions.READ not in visit.permissions or not visit.site.prometheus:
        return ()
    try:
        found = await versions.list_versions(visit.actor, site=visit.site.name, patience=PATIENCE)
    except OpsError:
        return ()
    return [
        Rollout(each.at, each.version.service, ", ".join(each.version.versions))
        for service in found
        if service.history
        for each in version_changes(service.service, service.history)
        if each.version
    ]


def of_services(found: Sequence[Rollout], services: Collection[str]) -> Sequence[Rollout]:
    """Return those of some services, in the order of time."""
    return sorted((each for each in found if each.service in services), key=lambda each: each.at)
