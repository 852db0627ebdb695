"""Read whole traces of a window into what a comparison of windows needs of them.

Summaries of traces have neither versions nor operations, so the spans are read, and forgotten once
the last message has arrived.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from google.protobuf.message import DecodeError
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1.trace_pb2 import Span, TracesData

from ops.backends.jaeger.latest import latest
from ops.backends.jaeger.query_service import QueryService, off_loop
from ops.backends.otlp.convert import (
    ERROR,
    INSTANCE,
    VERSION,
    as_text,
    failed,
    may_have_error_tags,
    read_span,
    service_name,
)
from ops.backends.otlp.pieces import pieces
from ops.backends.trace_search.search import TraceSearch
from ops.vocabulary.observed import DeepestError, ObservedTrace, ObservedWindow, Ran, Work
from ops.vocabulary.spans import what_failed

ENOUGH = 16 * 1024 * 1024  # bytes, after which no more traces are read
LONGEST_MESSAGE = 300
MOST_PARSED = 2_000  # failing spans that are read in full for a message outside of their status
_MOST_CACHED = 10_000  # resources


@dataclass(slots=True)
class _Failing:
    """A failing span, until the deepest of its trace is known."""

    span_id: bytes
    start: int
    ran: Ran
    operation: str
    message: str
    is_status: bool


@dataclass(slots=True)
class _Trace:
    """What is known of a trace so far; `parents` are of all of its spans."""

    start: int = 0
    end: int = 0
    parents: dict[bytes, bytes] = field(default_factory=dict)
    work: dict[tuple[Ran, str], tuple[int, bool]] = field(default_factory=dict)
    failing: list[_Failing] = field(default_factory=list)


class Observer:
    """Observe the TracesData messages that answer a search for a service's traces.

    A span counts if it started within the window, so that none counts in two windows.
    """

    def __init__(self, search: TraceSearch) -> None:
        self._search = search
        self._traces: dict[bytes, _Trace] = {}
        self._ran: dict[bytes, Ran] = {}
        self._parsed = 0
        self.unread = False  # whether a message could not be read

    @property
    def traces(self) -> int:
        """How many traces have arrived."""
        return len(self._traces)

    def add(self, message: bytes) -> None:
        """Add one serialized message, in a thread if it is large."""
        tagged = may_have_error_tags(message)
        try:
            for piece, _ in pieces(message):
                self.add_parsed(TracesData.FromString(piece), tagged=tagged)
        except DecodeError:
            # Jaeger's memory storage may return a trace while it is still adding to it. The others
            # are enough for a comparison.
            self.unread = True

    def add_parsed(self, data: TracesData, *, tagged: bool = True) -> None:
        """Add one message; if it is not `tagged`, no tag marks a span as failed."""
        for each in data.resource_spans:
            ran = self._what_ran(each.resource)
            for scope_spans in each.scope_spans:
                for span in scope_spans.spans:
                    self._add(ran, span, tagged)

    def _add(self, ran: Ran, span: Span, tagged: bool) -> None:
        trace_id, span_id = span.trace_id, span.span_id
        trace = self._traces.get(trace_id)
        if trace is None:
            trace = self._traces[trace_id] = _Trace()
        trace.parents[span_id] = span.parent_span_id
        start = span.start_time_unix_nano
        if not self._search.start <= start < self._search.end:
            return
        end = max(span.end_time_unix_nano, start)
        trace.start = min(trace.start or start, start)
        trace.end = max(trace.end, end)
        operation = span.name
        failing = span.status.code == ERROR or (tagged and failed(span))
        longest, any_failed = trace.work.get((ran, operation), (0, False))
        trace.work[ran, operation] = max(longest, end - start), any_failed or failing
        if failing:
            message, is_status = self._message(span)
            trace.failing.append(_Failing(span_id, start, ran, operation, message, is_status))

    def _message(self, span: Span) -> tuple[str, bool]:
        """Return what a failing span says, cut, and whether that is its whole status message."""
        if message := span.status.message:
            return message[:LONGEST_MESSAGE], len(message) <= LONGEST_MESSAGE
        self._parsed += 1
        if self._parsed > MOST_PARSED:
            return "", False
        return what_failed(read_span(span, "", {}))[:LONGEST_MESSAGE], False

    def _what_ran(self, resource: Resource) -> Ran:
        """Return what ran the spans of a resource; some stores repeat it for every span."""
        key = resource.SerializeToString()
        ran = self._ran.get(key)
        if ran is None:
            ran = what_ran(resource)
            if len(self._ran) < _MOST_CACHED:
                self._ran[key] = ran
        return ran

    def observed(self, *, cut: bool) -> ObservedWindow:
        """Return the traces that have a span of the service within the window."""
        search = self._search
        every = (_observed(key.hex().zfill(32), each) for key, each in self._traces.items())
        own = tuple(
            trace
            for trace in every
            if any(each.ran.service == search.service for each in trace.work)
        )
        return ObservedWindow(search.service, search.start, search.end, own, cut)


async def observe(server: QueryService, search: TraceSearch) -> ObservedWindow:
    """Read up to `limit` of the traces of a search's service and times."""
    observer = Observer(search)
    size = await latest(server, search, observer.add, observer.add_parsed, ENOUGH)
    if observer.unread and not observer.traces:
        raise DecodeError("none of its messages can be read")
    cut = size > ENOUGH or observer.traces >= search.limit or observer.unread
    return await off_loop(True, lambda cut: observer.observed(cut=cut), cut)


def what_ran(resource: Resource) -> Ran:
    """Return what ran a resource's spans."""
    said = {item.key: as_text(item.value) for item in resource.attributes}
    version_key, instance_key = _key(said, VERSION), _key(said, INSTANCE)
    return Ran(
        service_name(resource),
        said.get(version_key, ""),
        said.get(instance_key, ""),
        version_key,
        instance_key,
    )


def _key(said: Mapping[str, str], keys: Iterable[str]) -> str:
    return next((key for key in keys if said.get(key)), "")


def _observed(trace_id: str, trace: _Trace) -> ObservedTrace:
    return ObservedTrace(
        trace_id,
        trace.start,
        trace.end - trace.start,
        tuple(Work(*key, *each) for key, each in trace.work.items()),
        _deepest(trace) if trace.failing else None,
    )


def _deepest(trace: _Trace) -> DeepestError:
    depths = _depths((each.span_id for each in trace.failing), trace.parents)
    found = min(trace.failing, key=lambda each: (-depths[each.span_id], each.start, each.span_id))
    return DeepestError(found.ran, found.operation, found.message, found.is_status)


def _depths(spans: Iterable[bytes], parents: Mapping[bytes, bytes]) -> Mapping[bytes, int]:
    """Return how far spans are from their roots; each parent is visited once."""
    known: dict[bytes, int] = {}
    for span_id in spans:
        path = []
        while span_id in parents and span_id not in known:
            known[span_id] = 0  # parents may form a circle
            path.append(span_id)
            span_id = parents[span_id]  # noqa: PLW2901 - walks up to the root
        depth = known.get(span_id, -1)
        for each in reversed(path):
            depth += 1
            known[each] = depth
    return known
