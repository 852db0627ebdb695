"""What is wrong with a service, in words that follow its name. Pure."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import IntEnum
from statistics import median_low

from ops.overview.figures import Figures
from ops.overview.lately import Lately, OperationLately, Sample
from ops.versions.actions import ServiceVersions, State
from ops.versions.rollout import Lack
from ops.vocabulary import timerange
from ops.vocabulary.alerts import FIRING, PENDING, Alert
from ops.vocabulary.figures import count, share
from ops.vocabulary.texts import shortened
from ops.vocabulary.timerange import format_duration

FAILING = 0.05  # of the requests: what few services have on a good day
LONGER = 2  # times the p95 earlier in the hour
NEWEST = 5  # minutes that count as now
LONGEST_NAME = 60
MOST_NAMED = 2


class Weight(IntEnum):
    """How serious a finding is: the first is the most serious."""

    FIRING = 0
    FAILING = 1
    DOWN = 2
    SLOW = 3
    ROLLOUT = 4
    PENDING = 5


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong: `2 of 3 instances down`."""

    weight: Weight
    words: str


def found(
    alerts: Sequence[Alert] | None,
    versions: ServiceVersions | None,
    lately: Lately | None,
    figures: Figures,
) -> tuple[Finding, ...]:
    """Return what is wrong. Of what traces and figures both say, traces have the details."""
    traced = [*of_traces(lately)] if lately else []
    said = {each.weight for each in traced}
    every = [
        *of_alerts(alerts or ()),
        *traced,
        *(each for each in of_figures(figures) if each.weight not in said),
        *(of_versions(versions) if versions else ()),
    ]
    return tuple(sorted(every, key=lambda each: each.weight))


def of_alerts(alerts: Sequence[Alert]) -> Iterator[Finding]:
    """Yield `1 critical alert firing (QueueDeep)`, `2 alerts pending`."""
    firing = [alert for alert in alerts if alert.state == FIRING]
    pending = [alert for alert in alerts if alert.state == PENDING]
    if firing:
        severities = Counter(shortened(alert.severity, 40) for alert in firing)
        first, *others = severities.items()
        kind = f"{first[0]} " if first[0] and not others else ""
        worst = f", {first[1]:,} {first[0]}" if others and first[0] else ""
        words = f"{count(len(firing), f'{kind}alert')} firing{worst}{_names(firing)}"
        yield Finding(Weight.FIRING, words)
    if pending:
        yield Finding(Weight.PENDING, f"{count(len(pending), 'alert')} pending")


def of_versions(versions: ServiceVersions) -> Iterator[Finding]:
    """Yield what is wrong with the instances and the rollout."""
    if versions.problem:
        return
    down = sum(each.lack is Lack.DOWN for each in versions.instances)
    if down:
        yield Finding(Weight.DOWN, f"{down} of {versions.total} instances down")
    if versions.silent:
        yield Finding(Weight.DOWN, f"{versions.silent} of {versions.total} instances silent")
    if versions.rollout.state in (State.STUCK, State.PAUSED, State.MIXED):
        yield Finding(Weight.ROLLOUT, versions.news)


def of_traces(lately: Lately) -> Iterator[Finding]:
    """Yield what fails more often and what takes longer than in the hour before."""
    if lately.fails_more:
        yield Finding(Weight.FAILING, f"{failed(lately.now)} ({before(lately.before)})")
    else:
        for each in [each for each in lately.failing if each.fails_more][:1]:
            words = f"{failed(each.now, f' of {name_of(each)}')} ({before(each.before)})"
            yield Finding(Weight.FAILING, words)
    for each in lately.slower[:1]:
        yield Finding(Weight.SLOW, slower(each))


def of_figures(figures: Figures) -> Iterator[Finding]:
    """Yield what a site file's queries say: failing requests, a longer p95."""
    if figures.failing is not None and figures.failing >= FAILING:
        yield Finding(Weight.FAILING, f"{share(figures.failing)} of the requests fail")
    past, lately = earlier_p95(figures), _median(figures.p95_history[-NEWEST:])
    # Not for one slow minute.
    if figures.p95 is not None and past and min(figures.p95, lately) >= LONGER * past:
        p95, usual = format_duration(figures.p95), format_duration(past)
        yield Finding(Weight.SLOW, f"p95 {p95} ({usual} earlier in the hour)")


def earlier_p95(figures: Figures) -> int:
    """Return the median of the last hour's p95 without the newest minutes, 0 if unknown."""
    return _median(figures.p95_history[:-NEWEST])


def _median(values: Sequence[int | None]) -> int:
    known = [each for each in values if each is not None]
    return median_low(known) if known else 0


def failed(sample: Sample, of: str = "") -> str:
    """Return `12% of 340 traces failed`; `of` says of which operation."""
    return f"{share(sample.share)} of {count(sample.traces, 'trace')}{of} failed"


def before(sample: Sample) -> str:
    """Return `0.3% the hour before`."""
    return f"{share(sample.share) if sample.traces else 'no traces'} the hour before"


def slower(operation: OperationLately) -> str:
    """Return `AddPets takes 1.2 s in the median of 31 traces (80 ms the hour before)`."""
    now, usual = format_duration(operation.now.median), format_duration(operation.before.median)
    traces = count(operation.now.traces, "trace")
    return f"{name_of(operation)} takes {now} in the median of {traces} ({usual} the hour before)"


def name_of(operation: OperationLately) -> str:
    """Return the operation's name for a sentence."""
    return shortened(operation.operation, LONGEST_NAME) or "traces whose root is missing"


def rollout_lately(versions: ServiceVersions, now: int, within: int) -> str:
    """Return what is new about the versions though nothing is wrong, "" for nothing."""
    rollout = versions.rollout
    if versions.problem or rollout.state in (State.STUCK, State.PAUSED, State.MIXED):
        return ""
    if rollout.state is State.ROLLING:
        return versions.news
    if not rollout.previous or now - rollout.since > within:
        return ""
    started = versions.news or f"{shortened(rollout.version, LONGEST_NAME)} started to run"
    ago = (now - rollout.since) // timerange.SECOND * timerange.SECOND
    return f"{started} {format_duration(ago)} ago"


def _names(alerts: Sequence[Alert]) -> str:
    names = list(dict.fromkeys(shortened(alert.name, LONGEST_NAME) for alert in alerts))
    return f" ({', '.join(names)})" if len(names) <= MOST_NAMED else ""
