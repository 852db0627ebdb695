"""Summarize whole traces as they arrive, message by message.

A span that was delivered twice counts once (see ops.backends.otlp.duplicates). So the spans of a
trace are kept while its messages arrive, which come one after another, and no longer:

    message 1     trace A ......            A is arriving: its spans are kept
    message 2     ...... A, B, C ...        A is in two messages; B and C arrive
    message 3     C ......                  A and B have arrived: their spans are forgotten
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from opentelemetry.proto.common.v1.common_pb2 import InstrumentationScope
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, Span, TracesData

from ops.backends.jaeger.span_match import SpanMatch
from ops.backends.otlp.convert import ERROR, failed, may_have_error_tags, read_span, service_name
from ops.backends.otlp.duplicates import MOST_VERSIONS, contents
from ops.backends.otlp.pieces import pieces
from ops.backends.trace_search.results import FoundTrace, Matches
from ops.backends.trace_search.search import TraceSearch, Window
from ops.vocabulary.spans import failure, what_failed
from ops.vocabulary.summaries import TraceSummary, between

_NEVER = 2**64
_DEEPEST = 256  # levels to count: enough to find the deepest error, and bounded


@dataclass(slots=True)
class _Summary:
    """What is known about one trace so far."""

    start: int = _NEVER
    end: int = 0
    spans: int = 0
    errors: int = 0
    services: set[str] = field(default_factory=set)
    root_start: int = _NEVER
    root_service: str = ""
    root_operation: str = ""
    error: str = ""
    matched: int = -1
    elsewhere: bool = False
    times: list[tuple[int, int]] = field(default_factory=list)
    whole: bool = True
    # The spans that have arrived: the first with each ID, others with the same ID by their
    # identity, and all versions of those with the same identity, with whether each failed.
    first: dict[bytes, Span] = field(default_factory=dict)
    others: dict[tuple[object, ...], Span] = field(default_factory=dict)
    versions: dict[tuple[object, ...], list[tuple[frozenset[bytes], bool]]] = field(
        default_factory=dict
    )

    def add(self, span: Span, start: int, service: str, tagged: bool) -> bool:
        """Add one span; return whether it failed, by its status or, if `tagged`, by its tags.

        Reading a field costs as much as everything done with it, so each is read once.
        A start of 0 means that there is none.
        """
        end = span.end_time_unix_nano
        if 0 < start < self.start:
            self.start = start
        if end > self.end:  # noqa: PLR1730 - half the time of max(), for every span
            self.end = end
        if start < self.root_start and not span.parent_span_id:
            self.root_start = start
            self.root_service, self.root_operation = service, span.name
        failing = span.status.code == ERROR or (tagged and failed(span))
        # Nearly all spans have an ID of their own, so this is all that most of them cost.
        first = self.first.setdefault(span.span_id, span)
        if first is span or not self._is_duplicate(first, span, failing):
            self.spans += 1
            self.errors += failing
            self.services.add(service)
        return failing

    def _is_duplicate(self, first: Span, span: Span, failing: bool) -> bool:
        """Return whether a span is already there, given the first with its ID.

        The rule for whole traces applies: both have the same IDs, name, kind and times, and one
        carries nothing that the other lacks. The fuller one decides whether it failed.
        """
        key = _identity(span)
        if key != _identity(first):
            first = self.others.setdefault(key, span)
            if first is span:
                return False
        if first == span:  # usually a duplicate is identical
            return True
        versions = self.versions.setdefault(key, [])
        if not versions:
            versions.append((contents(first), failed(first)))
        carried = contents(span)
        for number, (other, other_failed) in enumerate(versions):
            if carried <= other:
                return True
            if other <= carried:  # the fuller one may show a failure that the other did not
                versions[number] = carried, failing
                self.errors += failing and not other_failed
                return True
        if len(versions) < MOST_VERSIONS:
            versions.append((carried, failing))
        return False

    def forget_spans(self) -> None:
        """Forget the spans, because no more messages of this trace are expected."""
        self.first.clear()
        self.others.clear()
        self.versions.clear()


class Summarizer:
    """Summarize the TracesData messages that answer a search for a window, trace by trace.

    A trace is listed at its newest span within the search's time that meets `match`. Spans that
    could not change that are not tested, unless durations matter. If no span meets it, the trace
    is not wanted if part of the filtering is `tested_here`; otherwise the store, which knows
    better, found one within the window. The deepest error is known only for traces that came in one
    message. With `every_match`, each matching span is noted.
    """

    def __init__(
        self,
        search: TraceSearch,
        window: Window,
        match: SpanMatch,
        tested_here: bool,
        every_match: bool = False,
    ) -> None:
        self._start, self._end = search.start, search.end
        self._window = (window.start, window.end)
        self._match = match
        self._tested_here = tested_here
        self._every_match = every_match or bool(match.span_min or match.span_max)
        self._traces: dict[bytes, _Summary] = {}
        self._arriving: dict[bytes, _Summary] = {}

    def add(self, message: bytes) -> None:
        """Add one serialized message; a large one belongs on a thread."""
        parsed = [TracesData.FromString(piece) for piece, _ in pieces(message)]
        self.add_parsed(*parsed, tagged=may_have_error_tags(message))

    def add_parsed(self, *pieces: TracesData, tagged: bool = True) -> None:
        """Add one message, in pieces; if it is not `tagged`, no tag marks a span as failed."""
        here: dict[bytes, _Summary] = {}
        failing: dict[bytes, list[Span]] = {}
        for resource_spans in _groups(pieces):
            resource = resource_spans.resource
            service = service_name(resource)
            meant = self._match.service in ("", service)
            for scope_spans in resource_spans.scope_spans:
                for span in scope_spans.spans:
                    trace_id = span.trace_id
                    trace = here.get(trace_id)
                    if trace is None:
                        trace = here[trace_id] = self._trace(trace_id)
                    start = span.start_time_unix_nano
                    if trace.add(span, start, service, tagged):
                        failing.setdefault(trace_id, []).append(span)
                    if meant and (self._every_match or start > trace.matched):
                        self._note_match(trace, start, resource, scope_spans.scope, span)
        # A span's depth is known only if all of its parents are in this message.
        for trace_id, spans in failing.items():
            if here[trace_id].whole:
                here[trace_id].error = _deepest(spans, pieces)
        for trace_id in self._arriving.keys() - here.keys():
            self._arriving[trace_id].forget_spans()
        self._arriving = here

    def _note_match(
        self,
        trace: _Summary,
        start: int,
        resource: Resource,
        scope: InstrumentationScope,
        span: Span,
    ) -> None:
        """Note when a span matches, if that is later than known so far."""
        within = self._start <= start < self._end
        if (within or not trace.elsewhere) and self._match(resource, scope, span):
            if within:
                trace.matched = max(trace.matched, start)
                if self._every_match:
                    trace.times.append((start, span.end_time_unix_nano - start))
            else:
                trace.elsewhere = True

    def _trace(self, trace_id: bytes) -> _Summary:
        """Return a trace of the current message, which may have been in an earlier one too."""
        known = self._traces.get(trace_id)
        if known is None:
            known = self._traces[trace_id] = _Summary()
        else:
            known.whole, known.error = False, ""  # another message may have a deeper one
        return known

    def matches(self) -> Matches:
        """Return the traces in the order in which they arrived."""
        return Matches(
            [self._found(trace_id.hex().zfill(32), each) for trace_id, each in self._traces.items()]
        )

    def _found(self, trace_id: str, trace: _Summary) -> FoundTrace:
        start = trace.start if trace.start < _NEVER else 0
        matched_from = matched = trace.matched
        if matched < 0:
            # The store found a match that we do not see, somewhere in the trace.
            matched_from, matched = between(start, trace.end, self._window)
        summary = TraceSummary(
            trace_id=trace_id,
            start=start,
            duration=max(trace.end - start, 0) if start else 0,
            service=trace.root_service,
            operation=trace.root_operation,
            span_count=trace.spans,
            error_count=trace.errors,
            services=tuple(sorted(trace.services)),
            error=trace.error,
            matched=matched,
            matched_from=matched_from,
        )
        wanted = trace.matched >= 0 or not (self._tested_here or trace.elsewhere)
        return FoundTrace(summary, wanted, trace.times)


def _identity(span: Span) -> tuple[object, ...]:
    """Return what two spans must have in common for one to be a copy of the other."""
    return (
        span.span_id,
        span.parent_span_id,
        span.name,
        span.kind,
        span.start_time_unix_nano,
        span.end_time_unix_nano,
    )


def _groups(pieces: Iterable[TracesData]) -> Iterator[ResourceSpans]:
    return (each for piece in pieces for each in piece.resource_spans)


def _deepest(failing: list[Span], pieces: Iterable[TracesData]) -> str:
    """Return the sentence about the failing span that is furthest from its root."""
    parents = {
        span.span_id: span.parent_span_id
        for resource_spans in _groups(pieces)
        for scope_spans in resource_spans.scope_spans
        for span in scope_spans.spans
        if span.trace_id == failing[0].trace_id
    }
    deepest = min(
        failing,
        key=lambda span: (-_depth(span.span_id, parents), span.start_time_unix_nano, span.span_id),
    )
    return failure(deepest.name, what_failed(read_span(deepest, "", {})))


def _depth(span_id: bytes, parents: dict[bytes, bytes]) -> int:
    depth = 0
    # Parents may form a circle.
    while (parent := parents.get(span_id)) and depth < _DEEPEST:
        span_id, depth = parent, depth + 1
    return depth
