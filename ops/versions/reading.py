"""Asks one source for the versions of its services, in a few requests however many they are.

    first   the versions, the number of instances, what Kubernetes says of rollouts
    then    `up` of the jobs that were found, and the last hours of the versions

The last hours are cached until a minute is over, so they are asked for once a minute at most.
What a watcher has remembered goes further back.
"""

import asyncio
import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from django.db import DatabaseError

from ops.backends.clients import clients
from ops.backends.prometheus import Matrix, Prometheus, Sample, Series, Vector
from ops.database import in_database
from ops.errors import BackendUnavailable, OpsError
from ops.patience import patient
from ops.sites import Service
from ops.versions import kubernetes
from ops.versions.history import History, from_points
from ops.versions.readers import Index, Reader, matcher, usual_queries, usual_reader
from ops.versions.rollout import InstanceVersion
from ops.versions.watching import stored
from ops.vocabulary import timerange

Vectors = Mapping[str, Vector | OpsError]
Own = Sequence[tuple[Sample, InstanceVersion]]

WINDOW = 3 * timerange.HOUR
STEPS = tuple(seconds * timerange.SECOND for seconds in (15, 30, 60, 120, 300, 900))
MOST_POINTS = 100_000  # in the answers about the last hours: about 2 MB
PATIENCE = 2.0  # seconds after which versions are shown without what ran before
_PERIOD = 250  # bytes
log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Reading:
    """The answers of one source about its services at a moment (Unix nanoseconds).

    `own` has the series that report a service's version, `readers` how they are read, `histories`
    the last hours until then. `usual` are the queries for the usual metrics. `warnings` concern
    every service.
    """

    prometheus: Prometheus
    at: int
    vectors: Vectors
    usual: tuple[str, ...]
    readers: Mapping[str, Reader]
    own: Mapping[str, Own]
    up: Index[Sample]
    histories: Mapping[str, History]
    rollouts: tuple[Sample, ...]
    warnings: tuple[str, ...]

    @property
    def answered(self) -> bool:
        """Whether the source answered at all, if only to say that a query is wrong."""
        return _answered(self.vectors)


async def read(
    prometheus: Prometheus, services: Sequence[Service], at: int, *, past: bool
) -> Reading:
    """Ask for the services' versions now, or at a moment (Unix nanoseconds) if it is not 0.

    Without `past`, ask for the last hours only of services that run several versions: it takes
    them to know which is the newer.
    """
    usual = usual_queries(services)
    rollouts = "" if at else kubernetes.query(services)
    queries = [text for each in services for text in (each.version, each.expected, each.targets)]
    vectors = await prometheus.queries(
        [text for text in (*queries, *usual, rollouts) if text], at=at
    )
    # Hundreds of services take more than 5 ms.
    readers, own = await asyncio.to_thread(_own, services, usual, vectors)
    chosen = [
        readers[name]
        for name, series in own.items()
        if past or len({each.version for _, each in series if each.version}) > 1
    ]
    moment = at or timerange.now_ns()
    up: Vector | OpsError = Vector(())
    histories: Mapping[str, History] | OpsError = {}
    if _answered(vectors):
        up, histories = await asyncio.gather(
            _up(prometheus, services, readers, own, at),
            _histories(prometheus, chosen, own, moment, now=not at),
        )
    warnings = []
    if isinstance(up, OpsError):
        warnings.append(f"OpsPortal cannot tell whether instances are down: {up}")
    if isinstance(histories, OpsError):
        warnings.append(f"OpsPortal cannot tell what ran before: {histories}")
    said = vectors.get(rollouts, Vector(()))
    if isinstance(said, OpsError):
        warnings.append(f"OpsPortal cannot tell whether a rollout is stuck or paused: {said}")
    return Reading(
        prometheus=prometheus,
        at=moment,
        vectors=vectors,
        usual=usual,
        readers=readers,
        own=own,
        up=Index(() if isinstance(up, OpsError) else up.samples),
        histories={} if isinstance(histories, OpsError) else histories,
        rollouts=() if isinstance(said, OpsError) else said.samples,
        warnings=tuple(warnings),
    )


def _answered(vectors: Vectors) -> bool:
    return any(not isinstance(each, BackendUnavailable) for each in vectors.values())


def _own(
    services: Iterable[Service], usual: tuple[str, ...], vectors: Vectors
) -> tuple[dict[str, Reader], dict[str, Own]]:
    """Return each service's reader and its own series; those that have neither are left out."""
    readers: dict[str, Reader] = {}
    own: dict[str, Own] = {}
    indexes: dict[tuple[str, ...], Index[Sample]] = {}
    for service in services:
        queries = (service.version,) if service.version else usual
        if queries not in indexes:
            answers = (vectors.get(each) for each in queries)
            known = (each.samples for each in answers if isinstance(each, Vector))
            indexes[queries] = Index(sample for samples in known for sample in samples)
        index = indexes[queries]
        if service.version:
            reader: Reader | None = Reader(service, queries)
        else:
            reader = usual_reader(service, usual, index) if service.conventions else None
        if reader:
            readers[service.name] = reader
            own[service.name] = list(reader.read(index))
    return readers, own


async def _up(
    prometheus: Prometheus,
    services: Iterable[Service],
    readers: Mapping[str, Reader],
    own: Mapping[str, Own],
    at: int,
) -> Vector | OpsError:
    """Ask for `up` of every job that reports a version, and of those that should."""
    jobs = {
        job
        for service in services
        for job in jobs_of(service, readers.get(service.name), own.get(service.name, ()))
    }
    if not jobs:
        return Vector(())
    query = f"up{{{matcher('job', jobs)}}}"
    return (await prometheus.queries([query], at=at))[query]


def jobs_of(service: Service, reader: Reader | None, own: Own) -> set[str]:
    """Return the jobs of the service's own series, else the one that its alerts have."""
    found = {sample.labels.get("job", "") for sample, _ in own} - {""}
    if found and reader and reader.scraped:
        return found
    return {service.alerts["job"]} if "job" in service.alerts else set()


async def _histories(
    prometheus: Prometheus,
    chosen: Sequence[Reader],
    own: Mapping[str, Own],
    at: int,
    *,
    now: bool,
) -> Mapping[str, History] | OpsError:
    """Return the last hours before a moment of the readers' services.

    They are asked for anew when a minute is over, and when something else runs than before.
    """
    readers = tuple(chosen)
    number = sum(len(own[reader.service.name]) for reader in readers)
    if not number:
        return {}
    step = next((step for step in STEPS if number * (WINDOW // step) <= MOST_POINTS), STEPS[-1])
    fresh = max(step, timerange.MINUTE)
    end = (at - 1) // step * step
    key = ("versions before", prometheus.place, readers, 0 if now else end // fresh)
    kept: tuple[int, Mapping[str, History]] | None = clients().kept.get(key)
    if kept and _still_good(kept, end, fresh, readers, own):
        return kept[1]

    async def ask() -> Mapping[str, History]:
        found = await _asked(prometheus, readers, end, step)
        ours = await _remembered(prometheus.origin.site, readers, end) if now else {}
        found = {
            name: each.after(ours[name]) if name in ours else each for name, each in found.items()
        }
        periods = sum(len(each.periods) for each in found.values())
        clients().kept.keep(key, (end, found), _PERIOD * (periods + 1))
        return found

    found = await clients().lasting.answer((*key, end), ask, patient(PATIENCE))
    return found.error or found.answer or (kept[1] if kept else {})


def _still_good(
    kept: tuple[int, Mapping[str, History]],
    end: int,
    fresh: int,
    readers: Iterable[Reader],
    own: Mapping[str, Own],
) -> bool:
    """Return whether the histories until some end do for this one, being of the same minute."""
    until, found = kept
    if until == end:
        return True
    if until > end or until // fresh != end // fresh:
        return False
    return all(_goes_on(found.get(each.service.name), own[each.service.name]) for each in readers)


def _goes_on(history: History | None, own: Own) -> bool:
    """Return whether all that runs ran at the end of the history too."""
    before = history.goes_on() if history else {}
    return all((each.instance, each.version) in before for _, each in own if each.version)


async def _remembered(site: str, readers: Iterable[Reader], end: int) -> Mapping[str, History]:
    """Return what our own polls saw; the database may fail, and Prometheus's hours remain."""
    try:
        return await in_database(stored, site, [reader.service for reader in readers], end)
    except DatabaseError as error:
        log.warning("the versions of %s before the last hours are not known: %s", site, error)
        return {}


async def _asked(
    prometheus: Prometheus, readers: Sequence[Reader], end: int, step: int
) -> Mapping[str, History]:
    """Ask for the last hours; a query that fails costs its own services, and raises if all do."""
    start = end - WINDOW
    answers = await prometheus.query_ranges(
        [query for reader in readers for query in reader.queries], start=start, end=end, step=step
    )
    return await asyncio.to_thread(_built, readers, answers, start, end, step)


def _built(
    readers: Iterable[Reader],
    answers: Mapping[str, Matrix | OpsError],
    start: int,
    end: int,
    step: int,
) -> Mapping[str, History]:
    found: dict[str, History] = {}
    indexes: dict[tuple[str, ...], Index[Series]] = {}
    failed: OpsError | None = None
    for reader in readers:
        parts = [answers[query] for query in reader.queries]
        if errors := [part for part in parts if isinstance(part, OpsError)]:
            failed = errors[0]
            continue
        if reader.queries not in indexes:
            known = (part.series for part in parts if isinstance(part, Matrix))
            indexes[reader.queries] = Index(each for series in known for each in series)
        seen = (
            (each.instance, each.version, [moment for moment, _ in series.points])
            for series, each in reader.read(indexes[reader.queries])
            if each.version
        )
        found[reader.service.name] = from_points(seen, start=start, end=end, step=step)
    if failed and not found:
        raise failed
    return found
