"""The time line of a site: what changed, and what lasted, side by side."""

import asyncio
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace

from ops.actor import Actor
from ops.alerts import by_name
from ops.alerts.by_name import AlertsByName
from ops.audit import actions as audit
from ops.audit.actions import AuditFilter, AuditRow
from ops.overview.changing import Changes, changes_of, read_pieces, silences_of
from ops.overview.figures import known, problems_of
from ops.overview.happened import ChangeKind, Happened
from ops.overview.incidents import PastIncident
from ops.overview.signins import SignIn, sign_ins
from ops.overview.snapshot import if_allowed
from ops.rights import rights_of
from ops.sampling import actions as sampling
from ops.sampling.actions import SamplingChange
from ops.sampling.terms import LONGEST
from ops.sites import Service, Site, sites
from ops.versions.actions import History
from ops.vocabulary import timerange
from ops.vocabulary.acknowledgements import Acknowledgement
from ops.vocabulary.notifications import Silence
from ops.vocabulary.timerange import Moment, TimeRange

MOST_ROWS = 200  # of the audit log
MOST_SIGN_INS = 200
# What these changed is in the time line already, with more to it than the audit log has.
_SHOWN = ("acknowledgements.", "incidents.", "sampling.")
_SILENCES = "silences."
_OK, _STARTED = "ok", "started"


@dataclass(frozen=True, slots=True)
class Timeline:
    """What happened on a site, or in one service, and what lasted meanwhile.

    `changes` are its rows. `versions` has the history of each service, `sampling` also the changes
    before that may have been in force, newest first.
    """

    changes: Changes
    alerts: AlertsByName
    versions: Mapping[str, History]
    sampling: tuple[SamplingChange, ...]
    silences: tuple[Silence, ...]
    acknowledgements: tuple[Acknowledgement, ...]
    incidents: tuple[PastIncident, ...]
    sign_ins: tuple[SignIn, ...]
    problems: tuple[str, ...]


async def look_along(
    actor: Actor,
    site: Site,
    service: Service | None,
    when: tuple[int, int],
    kinds: Collection[ChangeKind],
    *,
    person: str,
    lanes: int,
) -> Timeline:
    """Read everything concurrently, limited to what the user may see."""
    start, end = when
    may = (await rights_of(actor.user_id)).permissions
    name = service.name if service else ""
    # A timed change that was made before may still have been in force.
    before = TimeRange(Moment(max(start - LONGEST, 0)), Moment(end))
    asked = AuditFilter(actor=person, start=start, end=end)
    pieces, alerted, sampled, logged, signed_in = await asyncio.gather(
        read_pieces(actor, site, service, when, kinds),
        if_allowed(
            ChangeKind.ALERTS in kinds and by_name.READ in may and not person,
            lambda: by_name.list_by_name(
                actor, start=start, end=end, most=lanes, service=name, site=site.name
            ),
        ),
        if_allowed(
            ChangeKind.SAMPLING in kinds and sampling.READ in may,
            lambda: sampling.changes(
                actor,
                service=name,
                site=site.name,
                limit=sampling.MOST_CHANGES,
                range=before,
            ),
        ),
        if_allowed(
            ChangeKind.OTHERS in kinds and audit.READ in may,
            lambda: audit.list_rows(actor, filter=asked, limit=MOST_ROWS),
        ),
        if_allowed(
            ChangeKind.OTHERS in kinds and audit.READ in may and service is None,
            lambda: sign_ins(start, end, person, MOST_SIGN_INS + 1),
        ),
    )
    changes = await asyncio.to_thread(changes_of, site, service, when, pieces)
    page, silenced = known(logged), silences_of(service, pieces)
    others = [
        Happened(timerange.from_datetime(each.at), row=each)
        for each in (page.rows if page else ())
        if _says_more(each, site, service) and not _is_of(each, silenced)
    ]
    signed = known(signed_in) or ()
    others += [
        Happened(each.start, sign_in=each) for each in signed[:MOST_SIGN_INS] if each.start >= start
    ]
    found = sorted((*changes.found, *others), key=lambda each: -each.at)
    whole = Timeline(
        changes=replace(
            changes,
            found=tuple(found),
            more=changes.more or len(signed) > MOST_SIGN_INS or bool(page and page.older),
        ),
        alerts=known(alerted) or AlertsByName((), 0),
        versions=known(pieces.versions) or {},
        sampling=known(sampled) or (),
        silences=silenced,
        acknowledgements=known(pieces.acknowledgements) or (),
        incidents=known(pieces.incidents) or (),
        sign_ins=signed[:MOST_SIGN_INS],
        problems=tuple(dict.fromkeys((*changes.problems, *problems_of(alerted, sampled, logged)))),
    )
    return _by(person, whole) if person else whole


def _by(person: str, whole: Timeline) -> Timeline:
    """Return what a person did."""
    found = tuple(each for each in whole.changes.found if each.person == person)
    return replace(
        whole,
        changes=replace(whole.changes, found=found),
        alerts=AlertsByName((), 0),
        versions={},
        sampling=tuple(each for each in whole.sampling if each.actor == person),
        silences=tuple(each for each in whole.silences if each.created_by == person),
        acknowledgements=tuple(x for x in whole.acknowledgements if x.person == person),
        incidents=tuple(each for each in whole.incidents if each.opener == person),
    )


def _says_more(row: AuditRow, site: Site, service: Service | None) -> bool:
    """Return whether a row is about this site or service, and not shown otherwise."""
    if row.outcome == _STARTED or (row.outcome == _OK and row.action.startswith(_SHOWN)):
        return False
    place, _, name = row.target.partition("/")
    if service:
        return (place, name) == (site.name, service.name)
    return place == site.name or place not in sites().all


def _is_of(row: AuditRow, silences: Collection[Silence]) -> bool:
    """Return whether a row made one of these silences; Alertmanager forgets old ones."""
    made = row.outcome == _OK and row.action.startswith(_SILENCES)
    return made and any(each.id in row.detail for each in silences)
