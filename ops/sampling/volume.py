"""How much a sampling policy lets through: traces and spans a second, bytes a day.

    requests a second x the share that starts a trace here x the share that is kept   = traces
    traces x spans of a trace                                                         = spans
    spans x bytes of a span                                                           = bytes

Requests come from the service's query; the rest from the traces that were seen last. If the
service's own decision rules few of its traces, because others start them, so does a policy.
"""

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ops.vocabulary import timerange
from ops.vocabulary.policies import Policy
from ops.vocabulary.summaries import TraceSummary

DAY = timerange.DAY // timerange.SECOND
MOST_NAMED = 3
_CONFIDENCE = 2.0  # standard errors, for about 95%


@dataclass(frozen=True, slots=True)
class Seen:
    """What a service's latest traces are like.

    `started` is the share of the traces that the service starts, None if none was seen whose root
    is known; `starters` are the other services that start them, `followers` those in the traces
    that it starts, most first. `spans` is the mean number of spans of a trace that it starts and
    `size` their mean size in bytes, 0 if none was seen. `margin` is the relative error of both,
    0.2 for 20%, infinite if one trace was seen.
    """

    traces: int = 0
    started: float | None = None
    starters: tuple[str, ...] = ()
    followers: tuple[str, ...] = ()
    spans: float = 0.0
    size: float = 0.0
    margin: float = math.inf


@dataclass(frozen=True, slots=True)
class Volume:
    """Traces and spans a second, and bytes a day.

    Without a trace that was seen, `traces` is the most that there can be, and the rest None.
    """

    traces: float
    spans: float | None = None
    bytes: float | None = None


@dataclass(frozen=True, slots=True)
class Forecast:
    """What a policy changes. `requests` is per second; unknown values are None.

    `before` is None as well if the policy in force is unknown. `problems` says what could not be
    asked.
    """

    service: str
    requests: float | None
    seen: Seen
    before: Volume | None
    after: Volume | None
    problems: tuple[str, ...] = ()


def look_at(service: str, traces: Sequence[TraceSummary], size: int) -> Seen:
    """Describe a service's traces, `size` bytes together; `service` is its name in Jaeger."""
    rooted = [trace for trace in traces if trace.service]
    if not rooted:
        return Seen(len(traces))
    started = [trace for trace in rooted if trace.service == service]
    own = [trace.span_count for trace in started]
    spans = sum(own) / len(own) if own else 0.0
    of_a_span = size / max(sum(trace.span_count for trace in traces), 1)
    return Seen(
        traces=len(traces),
        started=len(own) / len(rooted),
        starters=_most(trace.service for trace in rooted if trace.service != service),
        followers=_most(name for trace in started for name in trace.services if name != service),
        spans=spans,
        size=spans * of_a_span,
        margin=_margin(own, spans),
    )


def forecast_of(
    service: str,
    requests: float | None,
    seen: Seen,
    before: Policy | None,
    after: Policy,
    problems: tuple[str, ...] = (),
    instances: int = 1,
) -> Forecast:
    """Return what changing from one policy to another changes, on so many instances."""
    return Forecast(
        service=service,
        requests=requests,
        seen=seen,
        before=_volume(requests, seen, before, instances) if before else None,
        after=_volume(requests, seen, after, instances),
        problems=problems,
    )


def _volume(requests: float | None, seen: Seen, policy: Policy, instances: int) -> Volume | None:
    if requests is None:
        return None
    if seen.started is None:
        return Volume(_kept(max(requests, 0.0), policy, instances))
    traces = _kept(max(requests, 0.0) * seen.started, policy, instances)
    return Volume(traces, traces * seen.spans, traces * seen.size * DAY)


def _kept(traces: float, policy: Policy, instances: int) -> float:
    if policy.highest is None:
        return min(traces, policy.rate * max(instances, 1))
    return traces * policy.highest


def _most(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(name for name, _ in Counter(names).most_common(MOST_NAMED))


def _margin(counts: Sequence[int], mean: float) -> float:
    """Return the relative error of a mean of traces that differ as these do."""
    if len(counts) < 2 or not mean:
        return math.inf
    variance = sum((count - mean) ** 2 for count in counts) / (len(counts) - 1)
    return _CONFIDENCE * math.sqrt(variance / len(counts)) / mean
