"""What changed on a site lately, from all services, as one list."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise

from ops.alerts.changes import AlertChange
from ops.audit.actions import AuditRow
from ops.overview.incidents import PastIncident
from ops.overview.signins import SignIn
from ops.sampling.actions import SamplingChange
from ops.sampling.revisions import FILE
from ops.versions.actions import History
from ops.vocabulary import timerange
from ops.vocabulary.acknowledgements import GIVEN_BACK, HANDED_OVER, Acknowledgement
from ops.vocabulary.notifications import Silence

LATELY = timerange.HOUR
MOST = 200


class ChangeKind(StrEnum):
    """A kind of change, in the words of a sentence."""

    ROLLOUTS = "rollouts"
    ALERTS = "alerts"
    SILENCES = "silences"
    ACKNOWLEDGEMENTS = "acknowledgements"
    SAMPLING = "sampling changes"
    INCIDENTS = "incidents"
    OTHERS = "other entries of the audit log"


# Those in lists of changes; the others are for the time line.
EVERY_KIND = tuple(kind for kind in ChangeKind if kind is not ChangeKind.OTHERS)


@dataclass(frozen=True, slots=True)
class VersionChange:
    """A service started to run some versions besides or in place of those before."""

    service: str
    versions: tuple[str, ...]
    before: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Happened:
    """One change at a time (Unix nanoseconds): one of these is set.

    Of a silence, acknowledgement or incident it is the start, or if `ended` the end. `row` is what
    only the audit log has: refusals, failures, changes of accounts.
    """

    at: int
    alert: AlertChange | None = None
    sampling: SamplingChange | None = None
    version: VersionChange | None = None
    silence: Silence | None = None
    acknowledgement: Acknowledgement | None = None
    incident: PastIncident | None = None
    row: AuditRow | None = None
    sign_in: SignIn | None = None
    ended: bool = False

    @property
    def kind(self) -> ChangeKind:
        """Of which kind it is."""
        if self.version:
            return ChangeKind.ROLLOUTS
        if self.sampling:
            return ChangeKind.SAMPLING
        if self.silence:
            return ChangeKind.SILENCES
        if self.acknowledgement:
            return ChangeKind.ACKNOWLEDGEMENTS
        if self.incident:
            return ChangeKind.INCIDENTS
        return ChangeKind.OTHERS if self.row or self.sign_in else ChangeKind.ALERTS

    @property
    def person(self) -> str:
        """Who made the change, "" if nobody did or it is not known."""
        if self.silence:
            return "" if self.ended else self.silence.created_by
        if held := self.acknowledgement:
            begun = held.given_by or held.person
            return (held.person if held.end == GIVEN_BACK else "") if self.ended else begun
        if self.incident:
            return self.incident.closer if self.ended else self.incident.opener
        if self.sign_in:
            return self.sign_in.person
        if self.row:
            return self.row.actor
        return self.sampling.actor if self.sampling and self.sampling.door != FILE else ""


def happened(
    alerts: Iterable[AlertChange],
    sampling: Iterable[SamplingChange],
    versions: Mapping[str, History],
    start: int,
    end: int,
    others: Iterable[Happened] = (),
) -> tuple[Happened, ...]:
    """Return the changes from start to end (Unix nanoseconds), the newest first.

    `versions` has the history of each service; `others` are changes of other kinds.
    """
    found = [
        *(Happened(each.at, alert=each) for each in alerts),
        *(Happened(timerange.from_datetime(each.at), sampling=each) for each in sampling),
        *(change for name, each in versions.items() for change in version_changes(name, each)),
        *others,
    ]
    meant = [each for each in found if start <= each.at <= end]
    return tuple(sorted(meant, key=lambda each: -each.at))


def starts_and_ends(
    silences: Iterable[Silence],
    acknowledgements: Iterable[Acknowledgement],
    incidents: Iterable[PastIncident],
) -> Iterator[Happened]:
    """Yield when each of these started, and when it ended or will."""
    for silence in silences:
        yield Happened(silence.starts_at, silence=silence)
        yield Happened(silence.ends_at, silence=silence, ended=True)
    for held in acknowledgements:
        yield Happened(held.since, acknowledgement=held)
        if held.ended and held.end != HANDED_OVER:  # which is the next one's start
            yield Happened(held.ended, acknowledgement=held, ended=True)
    for incident in incidents:
        yield Happened(incident.opened_at, incident=incident)
        if incident.closed_at:
            yield Happened(incident.closed_at, incident=incident, ended=True)


def version_changes(service: str, history: History) -> Iterator[Happened]:
    """Yield when a service started to run another version, as far as its history goes."""
    for before, now in pairwise(history.steady().stretches()):
        new = _named(now.counts.keys() - before.counts.keys())
        if new and before.counts:
            yield Happened(now.start, version=VersionChange(service, new, _named(before.counts)))


def _named(versions: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted(version for version in versions if version))
