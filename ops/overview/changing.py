"""What changed on a site or in a service, from what OpsPortal remembers itself."""

import asyncio
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

from ops.acknowledgements.actions import MOST_LISTED as MOST_ACKNOWLEDGEMENTS
from ops.acknowledgements.actions import Acknowledgement, list_acknowledgements
from ops.actor import Actor
from ops.alerts import actions as alerts
from ops.alerts.changes import AlertChange, Kind
from ops.audit import actions as audit
from ops.database import in_database
from ops.errors import OpsError
from ops.overview import incidents
from ops.overview.figures import known, problems_of
from ops.overview.happened import EVERY_KIND, MOST, ChangeKind, Happened, happened, starts_and_ends
from ops.overview.incidents import PastIncident
from ops.overview.memory import Memory, read_memory
from ops.overview.snapshot import if_allowed
from ops.rights import rights_of
from ops.sampling import actions as sampling
from ops.sampling.actions import SamplingChange
from ops.silences import past as silences
from ops.silences.past import PastSilences, is_about
from ops.sites import Service, Site
from ops.versions import actions as versions
from ops.versions.actions import History
from ops.vocabulary.notifications import Silence
from ops.vocabulary.timerange import Moment, TimeRange


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
        """Whether any of it was seen by a watcher."""
        return bool({*self.kinds} & {ChangeKind.ROLLOUTS, ChangeKind.ALERTS})


@dataclass(frozen=True, slots=True)
class Pieces:
    """What the services say of a time, as far as the user may see it; each may be an error."""

    kinds: tuple[ChangeKind, ...]
    hidden: tuple[ChangeKind, ...]
    versions: Mapping[str, History] | OpsError | None
    sampling: tuple[SamplingChange, ...] | OpsError | None
    alerts: tuple[AlertChange, ...] | OpsError | None
    silences: PastSilences | OpsError | None
    acknowledgements: tuple[Acknowledgement, ...] | OpsError | None
    incidents: tuple[PastIncident, ...] | OpsError | None
    memory: Memory

    @property
    def problems(self) -> tuple[str, ...]:
        """A sentence for each part that could not be read."""
        return problems_of(
            self.versions,
            self.sampling,
            self.alerts,
            self.silences,
            self.acknowledgements,
            self.incidents,
        )


_RIGHTS: Mapping[ChangeKind, str] = {
    ChangeKind.ROLLOUTS: versions.READ,
    ChangeKind.ALERTS: alerts.READ,
    ChangeKind.SILENCES: silences.READ,
    ChangeKind.ACKNOWLEDGEMENTS: alerts.READ,
    ChangeKind.SAMPLING: sampling.READ,
    ChangeKind.OTHERS: audit.READ,
}


async def look_for_changes(
    actor: Actor,
    site: Site,
    service: Service | None,
    when: tuple[int, int],
    kinds: Collection[ChangeKind],
) -> Changes:
    """Read everything concurrently, limited to what the user may see."""
    pieces = await read_pieces(actor, site, service, when, kinds)
    # The versions of hundreds of services take more than 5 ms.
    return await asyncio.to_thread(changes_of, site, service, when, pieces)


async def read_pieces(
    actor: Actor,
    site: Site,
    service: Service | None,
    when: tuple[int, int],
    kinds: Collection[ChangeKind],
) -> Pieces:
    """Read everything concurrently, limited to what the user may see."""
    start, end = when
    range = TimeRange(Moment(start), Moment(end))
    may = (await rights_of(actor.user_id)).permissions
    rights = {**_RIGHTS, ChangeKind.INCIDENTS: incidents.registered.permission}
    seen = {kind for kind in kinds if rights[kind] in may}
    name = service.name if service else ""
    reading = asyncio.gather(
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
        if_allowed(
            ChangeKind.SILENCES in seen and bool(site.alertmanager),
            lambda: silences.list_past(actor, start=start, end=end, site=site.name),
        ),
        if_allowed(
            ChangeKind.ACKNOWLEDGEMENTS in seen,
            lambda: list_acknowledgements(
                actor, start=start, end=end, service=name, site=site.name
            ),
        ),
        if_allowed(
            ChangeKind.INCIDENTS in seen,
            lambda: incidents.list_incidents(
                actor, start=start, end=end, service=name, site=site.name
            ),
        ),
    )
    memory = in_database(read_memory, site.name, start, end)
    (ran, sampled, alerted, silenced, held, opened), known_of = await asyncio.gather(
        reading, memory
    )
    return Pieces(
        kinds=tuple(kind for kind in ChangeKind if kind in seen),
        hidden=tuple(kind for kind in EVERY_KIND if kind in kinds and kind not in seen),
        versions=ran,
        sampling=sampled,
        alerts=alerted,
        silences=silenced,
        acknowledgements=held,
        incidents=opened,
        memory=known_of,
    )


def changes_of(
    site: Site, service: Service | None, when: tuple[int, int], pieces: Pieces
) -> Changes:
    """Put the pieces together."""
    start, end = when
    of_alerts, of_sampling = known(pieces.alerts) or (), known(pieces.sampling) or ()
    silenced = known(pieces.silences) or PastSilences(())
    silent = [each.name for each in of_alerts if service and each.kind in (Kind.SILENT, Kind.BACK)]
    own = [each for each in of_alerts if each.name not in silent]
    found = happened(
        own,
        of_sampling,
        known(pieces.versions) or {},
        start,
        end,
        starts_and_ends(
            silences_of(service, pieces),
            known(pieces.acknowledgements) or (),
            known(pieces.incidents) or (),
        ),
    )
    rollouts = [each for each in found if each.version]
    oldest = rollouts[MOST - 1].at if len(rollouts) > MOST else 0
    return Changes(
        site=site.name,
        service=service.name if service else "",
        start=start,
        end=end,
        kinds=pieces.kinds,
        found=tuple(each for each in found if not each.version or each.at >= oldest),
        more=any(
            (
                oldest,
                len(of_alerts) == MOST,
                len(of_sampling) == sampling.MOST_CHANGES,
                silenced.more,
                len(known(pieces.acknowledgements) or ()) == MOST_ACKNOWLEDGEMENTS,
                len(known(pieces.incidents) or ()) == incidents.MOST,
            )
        ),
        hidden=pieces.hidden,
        memory=pieces.memory,
        problems=(
            *pieces.problems,
            *silenced.problems,
            *(f"{name} did not answer all the time" for name in dict.fromkeys(silent)),
            *_unknowable(service, {*pieces.kinds}),
        ),
    )


def silences_of(service: Service | None, pieces: Pieces) -> tuple[Silence, ...]:
    """Return the silences that were in force, of one service those that are about it."""
    found = known(pieces.silences)
    if found is None or service is None:
        return found.silences if found else ()
    names = {each.name for each in known(pieces.alerts) or ()}
    return tuple(each for each in found.silences if is_about(each, service.alerts, names))


def _unknowable(service: Service | None, kinds: Collection[ChangeKind]) -> Iterator[str]:
    """Say of what the site file does not know which are the service's."""
    if service and ChangeKind.ALERTS in kinds and not service.alerts:
        yield f"{service.name} has no alert labels in the site file, so its alerts are unknown"
    if service and ChangeKind.ROLLOUTS in kinds and not service.shows_version:
        yield f"{service.name} has no version query in the site file, so its rollouts are unknown"
