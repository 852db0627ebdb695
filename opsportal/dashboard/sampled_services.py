"""The services of a site on the sampling page: a line for each."""

from collections.abc import Sequence
from dataclasses import dataclass

from ops.sampling import actions
from ops.sampling.actions import ServiceSampling
from opsportal.dashboard.visit import LiveRequest, Visit

MEASURED = 12  # services at once: it takes two queries for each


@dataclass(frozen=True, slots=True)
class Line:
    """A service in the list; `sampling` and `kept`, in traces a second, are None if unknown."""

    name: str
    sampling: ServiceSampling | None
    problem: str
    kept: float | None


async def service_lines(visit: Visit, names: Sequence[str], waits: float) -> list[Line]:
    """Return a line for each service, unless there is only one."""
    if len(visit.site.services) < 2:
        return []
    where = visit.site.name
    found = await actions.current_of_several(
        visit.actor, services=names, site=where, patience=waits
    )
    known = {name: now for name, now in found.items() if isinstance(now, ServiceSampling)}
    kept = await actions.kept(
        visit.actor,
        sampling=[known[name] for name in names[:MEASURED] if name in known],
        site=where,
        patience=waits if isinstance(visit.request, LiveRequest) else 0,
    )
    return [
        Line(
            name, known.get(name), "" if name in known else str(found.get(name, "")), kept.get(name)
        )
        for name in names
    ]
