"""What changed on a site lately, from all services, as one list."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise

from ops.alerts.changes import AlertChange
from ops.audit.actions import AuditRow
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

    Of a silence or acknowledgement it is the start, or if `ended` the end. `row` is what only the
    audit log has: sign-ins, refusals, failures, changes of accounts.
    """

    at: int
    alert: AlertChange | None = None
    sampling: SamplingChange | None = None
    version: VersionChange | None = None
    silence: Silence | None = None
    acknowledgement: Acknowledgement | None = None
    row: AuditRow | None = None
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
        return ChangeKind.OTHERS if self.row else ChangeKind.ALERTS

    @property
    def person(self) -> str:
        """Who made the change, "" if nobody did or it is not known."""
        if self.silence:
            return "" if self.ended else self.silence.created_by
        if held := self.acknowledgement:
            begun = held.given_by or held.person
            return (held.person if held.end == GIVEN_BACK else "") if self.ended else begun
        if self.row:
            return self.row.actor
        return self.sampling.actor if self.sampling and self.sampling.door != FILE else ""


def happened(
    alerts: Iterable[AlertChange],
    sampling: Iterable[SamplingChange],
    versions: Mapping[str, History],
    start: int,
    end: int,
    silences: Sequence[Silence] = (),
    acknowledgements: Sequence[Acknowledgement] = (),
) -> tuple[Happened, ...]:
    """Return the changes from start to end (Unix nanoseconds), the newest first.

    `versions` has the history of each service.
    """
    found = [
        *(Happened(each.at, alert=each) for each in alerts),
        *(Happened(timerange.from_datetime(each.at), sampling=each) for each in sampling),
        *(change for name, each in versions.items() for change in version_changes(name, each)),
        *(Happened(each.starts_at, silence=each) for each in silences),
        *(Happened(each.ends_at, silence=each, ended=True) for each in silences),
        *(Happened(each.since, acknowledgement=each) for each in acknowledgements),
        *(
            Happened(each.ended, acknowledgement=each, ended=True)
            for each in acknowledgements
            if each.ended and each.end != HANDED_OVER  # which is the next one's start
        ),
    ]
    meant = [each for each in found if start <= each.at <= end]
    return tuple(sorted(meant, key=lambda each: -each.at))


def version_changes(service: str, history: History) -> Iterator[Happened]:
    """Yield when a service started to run another version, as far as its history goes."""
    for before, now in pairwise(history.steady().stretches()):
        new = _named(now.counts.keys() - before.counts.keys())
        if new and before.counts:
            yield Happened(now.start, version=VersionChange(service, new, _named(before.counts)))


def _named(versions: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted(version for version in versions if version))
