"""What a service ran and how it was sampled during an incident; pure."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise

from ops.requests.actions import RequestedChange
from ops.sampling.actions import SamplingChange
from ops.versions.actions import History, Stretch
from ops.vocabulary import timerange
from ops.vocabulary.policies import Policy


class Step(StrEnum):
    """What a rollout did at a moment."""

    STARTED = "started"
    GOING_BACK = "going back"  # to a version that ran before
    FINISHED = "finished"
    WENT_BACK = "went back"


@dataclass(frozen=True, slots=True)
class RolloutStep:
    """A step of a rollout at a moment (Unix nanoseconds).

    `version` is the one that it is about, which then ran on `running` of `total` instances, and
    `before` what ran before.
    """

    at: int
    service: str
    step: Step
    version: str
    before: str
    running: int
    total: int


@dataclass(frozen=True, slots=True)
class SampledFor:
    """A policy in force from start to end (Unix nanoseconds), None if it is unknown.

    `change` set it, if that is known; `returned` means that it followed a timed one that was over.
    """

    start: int
    end: int
    policy: Policy | None
    change: SamplingChange | None = None
    returned: bool = False


@dataclass(frozen=True, slots=True)
class ServiceDuring:
    """A service during an incident: what ran, the rollouts' steps, and its sampling.

    `requests` are changes of its sampling that needed somebody else's approval.

    Unknown parts, and those that the reader may not see, are empty.
    """

    service: str
    ran: tuple[Stretch, ...] = ()
    steps: tuple[RolloutStep, ...] = ()
    sampled: tuple[SampledFor, ...] = ()
    requests: tuple[RequestedChange, ...] = ()


def ran(history: History | None, start: int, end: int) -> tuple[Stretch, ...]:
    """Return what ran from start to end."""
    every = history.steady().stretches() if history else ()
    return tuple(
        Stretch(max(each.start, start), min(each.end, end), each.counts)
        for each in every
        if each.end > start and each.start < end and each.counts
    )


def rollout_steps(
    service: str, history: History | None, start: int, end: int
) -> tuple[RolloutStep, ...]:
    """Return when another version started to run, and when one ran alone again."""
    every = history.steady().stretches() if history else ()
    known = [each for each in every if each.counts]
    return tuple(each for each in _steps(service, known) if start <= each.at <= end)


def _steps(service: str, known: Sequence[Stretch]) -> Iterator[RolloutStep]:
    first: dict[str, int] = {}
    for each in known:
        for version in each.counts:
            first.setdefault(version, each.start)
    for before, now in pairwise(known):
        total = sum(now.counts.values())
        new = [version for version in now.counts if version not in before.counts]
        for version in new:
            ran_before = all(first[version] < first[each] for each in before.counts)
            step = Step.GOING_BACK if ran_before else Step.STARTED
            yield _step(now, service, step, version, before.counts, total)
        gone = [version for version in before.counts if version not in now.counts]
        if len(now.counts) == 1 and gone and not new:
            [left] = now.counts
            is_older = all(first[left] < first[version] for version in gone)
            step = Step.WENT_BACK if is_older else Step.FINISHED
            yield _step(now, service, step, left, before.counts, total)


def _step(
    now: Stretch, service: str, step: Step, version: str, before: Mapping[str, int], total: int
) -> RolloutStep:
    others = ", ".join(sorted(each for each in before if each and each != version))
    return RolloutStep(now.start, service, step, version, others, now.counts[version], total)


def sampled(
    at_start: SamplingChange | None, changes: Iterable[SamplingChange], start: int, end: int
) -> tuple[SampledFor, ...]:
    """Return what was in force from start to end; `changes` are those in that time, in any order.

    `at_start` was in force at the start.
    """
    ordered = sorted(changes, key=lambda each: each.revision)
    every = [*([at_start] if at_start else []), *ordered]
    if not every:
        return ()
    found = []
    first = timerange.from_datetime(every[0].at)
    if first > start:
        found.append(SampledFor(start, first, every[0].previous.policy))
    for each, following in zip(every, [*every[1:], None], strict=True):
        begins = max(timerange.from_datetime(each.at), start)
        ends = min(timerange.from_datetime(following.at), end) if following else end
        until = timerange.from_datetime(each.until) if each.until else ends
        found.append(SampledFor(begins, min(until, ends), each.policy, each))
        if until < ends:
            found.append(SampledFor(max(until, start), ends, each.then, each, returned=True))
    return tuple(each for each in found if each.end > each.start)
