"""What a source's answers mean for one service: instances, missing ones, the rollout."""

from collections import Counter
from collections.abc import Iterable, Sequence

from ops.backends.prometheus import Sample, Vector
from ops.errors import NotFound, OpsError
from ops.sites import Service
from ops.versions import kubernetes
from ops.versions.progress import judge
from ops.versions.readers import Reader, contradicts
from ops.versions.reading import WINDOW, Reading, jobs_of
from ops.versions.rollout import (
    InstanceVersion,
    Lack,
    ServiceVersions,
    counted,
    number_of,
)


class Nothing(NotFound):
    """Prometheus answered, but without any version."""


class Unset(Nothing):
    """The site file sets no version query, and no usual metric has the version."""


def describe(site: str, service: Service, reading: Reading, *, now: bool) -> ServiceVersions:
    """Return a service's versions; raises the error of its query, or Nothing."""
    answer = reading.vectors.get(service.version)
    if isinstance(answer, OpsError):
        raise answer
    if service.conventions:
        _raise_if_all_failed(reading)
    reader = reading.readers.get(service.name)
    reported = [each for _, each in reading.own.get(service.name, ())]
    warnings: list[str] = [*(answer.warnings if answer else ()), *reading.warnings]
    targets = _targets(service, reading, reader, warnings)
    instances = _with_targets(reported, targets, reader or Reader(service, ()))
    if not any(each.version for each in instances):
        nothing = _nothing(service, reading, bool(reported))
        if not any(each.lack is Lack.DOWN for each in instances):
            raise nothing
        warnings.append(str(nothing))
    warnings += _doubts(reader, reported)
    # The site file knows today's instances, not those of that time.
    expected = _expected(service, reading, warnings)
    if expected is None:
        expected = len(targets) or (len(service.instances) if now else 0)
    found = tuple(sorted(instances, key=lambda each: (each.instance, each.version)))
    history = reading.histories.get(service.name)
    if history:
        running = ((each.instance, each.version) for each in found if each.version)
        history = history.until(reading.at, running)
    return ServiceVersions(
        site=site,
        service=service.name,
        instances=found,
        total=max(number_of(found), expected),
        warnings=tuple(dict.fromkeys(warnings)),
        history=history.recent(history.end - WINDOW) if history else None,
        rollout=judge(
            dict(counted(found, history)),
            history,
            kubernetes.verdict(service, reading.rollouts),
            service.rollout_within,
        ),
    )


def _raise_if_all_failed(reading: Reading) -> None:
    answers = [reading.vectors[query] for query in reading.usual]
    errors = [each for each in answers if isinstance(each, OpsError)]
    if errors and len(errors) == len(answers):
        raise errors[0]


def _nothing(service: Service, reading: Reading, reported: bool) -> Nothing:
    source = reading.prometheus.name
    if service.version:
        gives = f'returns no label "{service.version_label}"' if reported else "returns nothing"
        return Nothing(
            f'the version of "{service.name}" is unknown: the query {service.version} {gives} in '
            f"{source}"
        )
    return Unset(
        f'the version of "{service.name}" is unknown: {source} has no {service.name}_build_info, '
        f"target_info, deployedVersion or kube_pod_container_info of it; set version in "
        f"{service.table} of the site file"
    )


def _targets(
    service: Service, reading: Reading, reader: Reader | None, warnings: list[str]
) -> Sequence[Sample]:
    """Return a series for each instance there should be: 1 if it answers, 0 if it is down.

    A service that pushes its metrics has none.
    """
    if own := _own_answer(service, "targets", reading, warnings):
        return own
    series = reading.own.get(service.name, ())
    jobs = jobs_of(service, reader, series)
    found = [each for job in sorted(jobs) for each in reading.up.having("job", job)]
    if series:
        return [each for each in found if not contradicts(service, each.labels)]
    return [each for each in found if service.alerts.items() <= each.labels.items()]


def _own_answer(
    service: Service, key: str, reading: Reading, warnings: list[str]
) -> Sequence[Sample]:
    """Return what one of the service's other queries returns for it, with a warning if it fails."""
    answer = reading.vectors.get(getattr(service, key), Vector(()))
    if isinstance(answer, OpsError):
        warnings.append(f"OpsPortal cannot tell how many instances there should be: {answer}")
        return ()
    if key not in service.shared:
        return answer.samples
    return [each for each in answer.samples if service.alerts.items() <= each.labels.items()]


def _expected(service: Service, reading: Reading, warnings: list[str]) -> int | None:
    samples = _own_answer(service, "expected", reading, warnings)
    if len(samples) == 1 and 0 <= samples[0].value < float("inf"):
        return int(samples[0].value)
    if service.expected and not isinstance(reading.vectors[service.expected], OpsError):
        given = f"{len(samples)} series" if len(samples) != 1 else f"{samples[0].value:g}"
        warnings.append(f"expected must return one number: {service.expected} returns {given}")
    return None


def _with_targets(
    reported: Iterable[InstanceVersion], targets: Iterable[Sample], reader: Reader
) -> list[InstanceVersion]:
    """Add the targets that report no version, and note which instances are down."""
    found = list(reported)
    names = {each.instance for each in found}
    for target in targets:
        name, down = target.labels.get(reader.instance_label, ""), target.value == 0
        if name in names or not (name or down):
            continue
        found.append(InstanceVersion(name, "", Lack.DOWN if down else Lack.UNLABELLED))
    return found


def _doubts(reader: Reader | None, instances: Sequence[InstanceVersion]) -> list[str]:
    """Return a sentence for everything in the answer that does not fit."""
    found = []
    if reader and not all(each.instance for each in instances):
        found.append(f'the version query returns no label "{reader.instance_label}"')
    times = Counter(each.instance for each in instances if each.instance)
    return found + [
        f"{instance} reports {count} versions; an old one can linger for five minutes"
        for instance, count in times.items()
        if count > 1
    ]
