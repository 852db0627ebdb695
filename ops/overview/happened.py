"""What changed on a site lately, from all services, as one list."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise

from ops.alerts.changes import AlertChange
from ops.sampling.actions import SamplingChange
from ops.versions.actions import ServiceVersions
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
    versions: Iterable[ServiceVersions],
    since: int,
) -> tuple[Happened, ...]:
    """Return the changes since a time (Unix nanoseconds), the newest first, at most MOST."""
    found = [
        *(Happened(each.at, alert=each) for each in alerts),
        *(Happened(timerange.from_datetime(each.at), sampling=each) for each in sampling),
        *(change for each in versions for change in version_changes(each)),
    ]
    lately = [each for each in found if each.at >= since]
    return tuple(sorted(lately, key=lambda each: -each.at)[:MOST])


def version_changes(of: ServiceVersions) -> Iterator[Happened]:
    """Yield when a service started to run another version, as far as its history goes."""
    stretches = of.history.steady().stretches() if of.history else ()
    for before, now in pairwise(stretches):
        new = _named(now.counts.keys() - before.counts.keys())
        if new and before.counts:
            change = VersionChange(of.service, new, _named(before.counts))
            yield Happened(now.start, version=change)


def _named(versions: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted(version for version in versions if version))
