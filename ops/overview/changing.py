"""What changed on a site or in a service, from what OpsPortal remembers itself."""

import asyncio
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

from ops.actor import Actor
from ops.alerts import actions as alerts
from ops.alerts.changes import Kind
from ops.database import in_database
from ops.overview.figures import known, problems_of
from ops.overview.happened import MOST, Happened, happened
from ops.overview.memory import Memory, read_memory
from ops.overview.snapshot import if_allowed
from ops.rights import rights_of
from ops.sampling import actions as sampling
from ops.sites import Service, Site
from ops.versions import actions as versions
from ops.vocabulary.timerange import Moment, TimeRange


class ChangeKind(StrEnum):
    """A kind of change, in the words of a sentence."""

    ROLLOUTS = "rollouts"
    SAMPLING = "sampling changes"
    ALERTS = "alerts"


@dataclass(frozen=True, slots=True)
class Changes:
    """What changed on a site, or in one `service`, from start to end (Unix nanoseconds).

    `found` is of these `kinds`, newest first, at most MOST of each; `more` means that older ones
    are left out. `hidden` are the kinds that the user may not see. Rollouts and alerts are known as
    far as the `memory` goes.
    """

    site: str
    service: str
    start: int
    end: int
    kinds: tuple[ChangeKind, ...]
    found: tuple[Happened, ...]
    more: bool
    hidden: tuple[ChangeKind, ...]
    memory: Memory
    problems: tuple[str, ...]

    @property
    def depends_on_memory(self) -> bool:
        """Whether any of it was seen by a watcher; changes of sampling are our own."""
        return bool({*self.kinds} - {ChangeKind.SAMPLING})


_RIGHTS: Mapping[ChangeKind, str] = {
    ChangeKind.ROLLOUTS: versions.READ,
    ChangeKind.SAMPLING: sampling.READ,
    ChangeKind.ALERTS: alerts.READ,
}


async def look_for_changes(
    actor: Actor,
    site: Site,
    service: Service | None,
    when: tuple[int, int],
    kinds: Collection[ChangeKind],
) -> Changes:
    """Read everything concurrently, limited to what the user may see."""
    start, end = when
    range = TimeRange(Moment(start), Moment(end))
    may = (await rights_of(actor.user_id)).permissions
    seen = {kind for kind in kinds if _RIGHTS[kind] in may}
    name = service.name if service else ""
    ran, sampled, alerted, memory = await asyncio.gather(
        if_allowed(
            ChangeKind.ROLLOUTS in seen,
            lambda: versions.list_histories(actor, service=name, site=site.name),
        ),
        if_allowed(
            ChangeKind.SAMPLING in seen,
            lambda: sampling.changes(
                actor, service=name, site=site.name, limit=sampling.MOST_CHANGES, range=range
            ),
        ),
        if_allowed(
            ChangeKind.ALERTS in seen,
            lambda: alerts.list_changes(
                actor, start=start, end=end, limit=MOST, service=name, site=site.name
            ),
        ),
        in_database(read_memory, site.name, start, end),
    )
    of_alerts, of_sampling = known(alerted) or (), known(sampled) or ()
    silent = [each.name for each in of_alerts if service and each.kind in (Kind.SILENT, Kind.BACK)]
    own = [each for each in of_alerts if each.name not in silent]
    found = happened(own, of_sampling, known(ran) or {}, start, end)
    rollouts = [each for each in found if each.version]
    oldest = rollouts[MOST - 1].at if len(rollouts) > MOST else 0
    return Changes(
        site=site.name,
        service=name,
        start=start,
        end=end,
        kinds=tuple(kind for kind in ChangeKind if kind in seen),
        found=tuple(each for each in found if not each.version or each.at >= oldest),
        more=bool(oldest) or len(of_alerts) == MOST or len(of_sampling) == sampling.MOST_CHANGES,
        hidden=tuple(kind for kind in ChangeKind if kind in kinds and kind not in seen),
        memory=memory,
        problems=(
            *problems_of(ran, sampled, alerted),
            *(f"{name} did not answer all the time" for name in dict.fromkeys(silent)),
            *_unknowable(service, seen),
        ),
    )


def _unknowable(service: Service | None, kinds: Collection[ChangeKind]) -> Iterator[str]:
    """Say of what the site file does not know which are the service's."""
    if service and ChangeKind.ALERTS in kinds and not service.alerts:
        yield f"{service.name} has no alert labels in the site file, so its alerts are unknown"
    if service and ChangeKind.ROLLOUTS in kinds and not service.shows_version:
        yield f"{service.name} has no version query in the site file, so its rollouts are unknown"
