"""What changed on a site lately, from all services, as one list."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise

from ops.alerts.changes import AlertChange
from ops.sampling.actions import SamplingChange
from ops.versions.actions import History
from ops.vocabulary import timerange

LATELY = timerange.HOUR
MOST = 200


@dataclass(frozen=True, slots=True)
class VersionChange:
    """A service started to run some versions besides or in place of those before."""

    service: str
    versions: tuple[str, ...]
    before: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Happened:
    """One change at a time (Unix nanoseconds): of alerts, of sampling, or of versions."""

    at: int
    alert: AlertChange | None = None
    sampling: SamplingChange | None = None
    version: VersionChange | None = None


def happened(
    alerts: Iterable[AlertChange],
    sampling: Iterable[SamplingChange],
    versions: Mapping[str, History],
    start: int,
    end: int,
) -> tuple[Happened, ...]:
    """Return the changes from start to end (Unix nanoseconds), the newest first.

    `versions` has the history of each service.
    """
    found = [
        *(Happened(each.at, alert=each) for each in alerts),
        *(Happened(timerange.from_datetime(each.at), sampling=each) for each in sampling),
        *(change for name, each in versions.items() for change in version_changes(name, each)),
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
