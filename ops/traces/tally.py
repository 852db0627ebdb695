"""Count what the traces of a window did: by version, instance, operation and error. Pure.

A trace counts once for each of them, however many spans it has there.
"""

import re
from array import array
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

from ops.traces.windows import Share, Window
from ops.vocabulary import timerange
from ops.vocabulary.observed import DeepestError, ObservedTrace, ObservedWindow, Ran

MOST_OPERATIONS = 500  # of one window; further ones are not counted
MOST_PROCESSES = 1_000
MOST_ERRORS = 500
LONGEST_NAME = 1_000  # of an operation or version; what has a longer one is not counted
# What differs between messages of the same error: numbers, IDs, addresses.
_VARYING = re.compile(r"[0-9a-fA-F]{8}[0-9a-fA-F-]*|[0-9]+(?:[.:][0-9]+)*")
Name = tuple[str, str]  # service and operation


@dataclass(slots=True)
class Operation:
    """The traces that ran an operation: their longest spans of it, by what ran it.

    `slowest` has the longest of each process, with its trace's ID; `failing` is the ID of a trace.
    """

    durations: "dict[Ran, array[int]]" = field(default_factory=dict)
    traces: int = 0
    failed: int = 0
    slowest: dict[Ran, tuple[int, str]] = field(default_factory=dict)
    failing: str = ""

    @property
    def share(self) -> Share:
        return Share(self.traces, self.failed)

    def of(self, ran: Iterable[Ran]) -> "array[int]":
        """Return the durations on some processes, one for each process of a trace."""
        found = array("q")
        for each in ran:
            found.extend(self.durations[each])
        return found

    def slowest_of(self, ran: Iterable[Ran]) -> str:
        """Return the ID of the trace with the longest span on some processes."""
        return max((self.slowest[each] for each in ran), default=(0, ""))[1]


@dataclass(slots=True)
class Error:
    """The traces that failed in the same way; `varies` if their messages differ."""

    first: DeepestError
    traces: int = 0
    varies: bool = False
    example: str = ""
    duration: int = -1

    @property
    def message(self) -> str:
        """What they say, with … for what varies."""
        return shape(self.first.message) if self.varies else self.first.message


@dataclass(slots=True)
class Tally:
    """The counts of a window.

    `shares` and `by_version` are of the service's processes and versions: their traces, and those
    in which their spans failed; `examples` are IDs of these. `versions` are of all services.
    `uncounted` are failing traces of which nothing else is noted, because there are too many
    kinds. `errors` are by service, operation, version and the message without what varies.
    """

    window: Window
    shares: dict[Ran, Share] = field(default_factory=dict)
    by_version: dict[str, Share] = field(default_factory=dict)
    examples: dict[Ran, str] = field(default_factory=dict)
    operations: dict[Name, Operation] = field(default_factory=dict)
    errors: dict[tuple[str, str, str, str], Error] = field(default_factory=dict)
    uncounted: int = 0
    versions: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))

    @property
    def bytes(self) -> int:
        """About how much memory it takes."""
        spans = sum(len(each) for of in self.operations.values() for each in of.durations.values())
        return 8 * spans + 1_000 * (len(self.operations) + len(self.errors) + len(self.shares))


def tally(observed: ObservedWindow) -> Tally:
    """Count a window; slow for many traces, so in a thread."""
    started, failing_then = Counter[int](), Counter[int]()
    for trace in observed.traces:
        minute = trace.start // timerange.MINUTE * timerange.MINUTE
        started[minute] += 1
        failing_then[minute] += _has_failed(trace, observed.service)
    since = min((each.start for each in observed.traces), default=observed.start)
    found = Tally(
        Window(
            observed.start,
            observed.end,
            Share(started.total(), failing_then.total()),
            observed.cut,
            since if observed.cut else observed.start,
            tuple((at, Share(started[at], failing_then[at])) for at in sorted(started)),
        )
    )
    traces, failing = Counter[Ran](), Counter[Ran]()
    versions, failing_versions = Counter[str](), Counter[str]()
    for trace in observed.traces:
        _add_work(found, trace)
        own = {each.ran for each in trace.work if each.ran.service == observed.service}
        bad = {each.ran for each in trace.work if each.failed} & own
        traces.update(own)
        failing.update(bad)
        versions.update({each.version for each in own})
        failing_versions.update({each.version for each in bad})
        for each in bad:
            found.examples.setdefault(each, trace.trace_id)
        if trace.error:
            _add_error(found, trace, trace.error)
    counted = [each for each, _ in traces.most_common(MOST_PROCESSES)]
    found.shares = {each: Share(traces[each], failing[each]) for each in counted}
    most = versions.most_common(MOST_PROCESSES)
    found.by_version = {each: Share(number, failing_versions[each]) for each, number in most}
    return found


def shape(message: str) -> str:
    """Return a message without what varies: numbers, IDs and addresses."""
    return _VARYING.sub("…", message)


def _has_failed(trace: ObservedTrace, service: str) -> bool:
    return any(each.failed and each.ran.service == service for each in trace.work)


def _add_work(found: Tally, trace: ObservedTrace) -> None:
    seen: set[Name] = set()
    failed: set[Name] = set()
    for each in trace.work:
        name = (each.ran.service, each.operation)
        if len(each.ran.version) <= LONGEST_NAME and len(found.versions) <= MOST_OPERATIONS:
            found.versions[each.ran.service].add(each.ran.version)
        operation = found.operations.get(name)
        if operation is None:
            if len(found.operations) >= MOST_OPERATIONS or len(each.operation) > LONGEST_NAME:
                continue
            operation = found.operations[name] = Operation()
        durations = operation.durations.get(each.ran)
        if durations is None:
            durations = operation.durations[each.ran] = array("q")
        durations.append(min(each.duration, 2**62))
        seen.add(name)
        if each.failed:
            failed.add(name)
        if each.duration > operation.slowest.get(each.ran, (-1, ""))[0]:
            operation.slowest[each.ran] = each.duration, trace.trace_id
    for name in seen:
        found.operations[name].traces += 1
    for name in failed & seen:
        found.operations[name].failed += 1
        found.operations[name].failing = found.operations[name].failing or trace.trace_id


def _add_error(found: Tally, trace: ObservedTrace, error: DeepestError) -> None:
    key = (error.ran.service, error.operation, error.ran.version, shape(error.message))
    group = found.errors.get(key)
    if group is None:
        if len(found.errors) >= MOST_ERRORS or len(error.operation) > LONGEST_NAME:
            found.uncounted += 1
            return
        group = found.errors[key] = Error(error)
    group.traces += 1
    group.varies |= error.message != group.first.message
    if trace.duration > group.duration:
        group.duration, group.example = trace.duration, trace.trace_id
