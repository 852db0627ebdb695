"""A trace store in memory: OTLP spans in, whole traces out, like Jaeger's own memory store.

Spans are not copied: treat what `TraceStore` returns as read-only.
"""

import json
import math
from base64 import b64encode
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import NamedTuple

from opentelemetry.proto.common.v1.common_pb2 import AnyValue, InstrumentationScope, KeyValue
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1.trace_pb2 import (
    ResourceSpans,
    ScopeSpans,
    Span,
    Status,
    TracesData,
)

KINDS = {
    Span.SPAN_KIND_UNSPECIFIED: "",
    Span.SPAN_KIND_INTERNAL: "internal",
    Span.SPAN_KIND_SERVER: "server",
    Span.SPAN_KIND_CLIENT: "client",
    Span.SPAN_KIND_PRODUCER: "producer",
    Span.SPAN_KIND_CONSUMER: "consumer",
}
_STATUS = {"OK": Status.STATUS_CODE_OK, "ERROR": Status.STATUS_CODE_ERROR}
_ERROR_MEANS = {
    **dict.fromkeys(("true", "1", "t"), Status.STATUS_CODE_ERROR),
    **dict.fromkeys(("false", "0", "f"), Status.STATUS_CODE_OK),
}
_RESOURCE = "resource."
_ESCAPED = str.maketrans({letter: f"\\u{ord(letter):04x}" for letter in "<>&\u2028\u2029"})
_NOT_FINITE = {"nan": "NaN", "inf": "+Inf", "-inf": "-Inf"}


class StoredSpan(NamedTuple):
    """A span with the resource and scope that it came with."""

    resource: Resource
    scope: InstrumentationScope
    span: Span


TagTest = Callable[[StoredSpan, str, str], bool]


@dataclass(frozen=True, slots=True)
class Query:
    """Conditions that one span of a trace must meet together; "" and None mean any.

    Times are Unix nanoseconds, both ends included; durations are nanoseconds. `depth` is the
    largest number of traces.
    """

    depth: int
    service: str = ""
    operation: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)
    start: int | None = None
    end: int | None = None
    shortest: int | None = None
    longest: int | None = None


def has_tag(found: StoredSpan, key: str, value: str) -> bool:
    """Return whether a span has this tag, as release 2.20 interprets it.

    Some keys are special: `error` means the status (`error=false` means the status OK),
    `span.kind`, `span.status`, `scope.name`, `scope.version`, and keys that start with
    `resource.`. Any other key is an attribute, see `has_attribute`.
    """
    match key:
        case "error":
            return found.span.status.code == _ERROR_MEANS.get(value.lower())
        case "span.kind":
            return KINDS.get(found.span.kind) == value.lower()
        case "span.status":
            return found.span.status.code == _STATUS.get(value.upper())
        case "scope.name":
            return found.scope.name == value
        case "scope.version":
            return found.scope.version == value
    if key.startswith(_RESOURCE):
        return _has(found.resource.attributes, key.removeprefix(_RESOURCE), value)
    return has_attribute(found, key, value)


def has_attribute(found: StoredSpan, key: str, value: str) -> bool:
    """Return whether the span, its resource, scope, an event or a link has this attribute.

    Values are compared in their string form.
    """
    return any(_has(attributes, key, value) for attributes in _attributes(found))


class TraceStore:
    """Keeps the latest `limit` traces, by the arrival of their first span."""

    def __init__(self, limit: int = 100_000, has_tag: TagTest = has_tag) -> None:
        self.limit = limit
        self.has_tag = has_tag
        self._traces: dict[bytes, TracesData] = {}

    def add(self, batch: Iterable[ResourceSpans]) -> None:
        """Add spans, in any order and grouping."""
        for resource_spans in batch:
            for scope_spans in resource_spans.scope_spans:
                places: dict[bytes, ScopeSpans] = {}
                for span in scope_spans.spans:
                    trace_id = span.trace_id.rjust(16, b"\0")
                    if trace_id not in places:
                        places[trace_id] = self._place(trace_id, resource_spans, scope_spans)
                    places[trace_id].spans.append(span)
        while len(self._traces) > self.limit:
            del self._traces[next(iter(self._traces))]

    def _place(self, trace_id: bytes, resource: ResourceSpans, scope: ScopeSpans) -> ScopeSpans:
        """Return the place for a trace's spans of this resource and scope."""
        trace = self._traces.setdefault(trace_id, TracesData())
        to = trace.resource_spans.add(resource=resource.resource, schema_url=resource.schema_url)
        return to.scope_spans.add(scope=scope.scope, schema_url=scope.schema_url)

    def trace(self, trace_id: bytes) -> TracesData | None:
        """Return a trace by its 16-byte ID, or None."""
        return self._traces.get(trace_id)

    def find(self, query: Query) -> list[TracesData]:
        """Return the traces with a span that meets the query, latest first."""
        found: list[TracesData] = []
        for trace in reversed(self._traces.values()):
            if len(found) >= query.depth:
                break
            if any(self._meets(span, query) for span in spans(trace, query.service)):
                found.append(trace)
        return found

    def _meets(self, found: StoredSpan, query: Query) -> bool:
        span = found.span
        start = span.start_time_unix_nano
        return (
            (query.start is None or start >= query.start)
            and (query.end is None or start <= query.end)
            and query.operation in ("", span.name)
            and (query.shortest is None or _duration(span) >= query.shortest)
            and (query.longest is None or _duration(span) <= query.longest)
            and all(self.has_tag(found, key, value) for key, value in query.tags.items())
        )

    def services(self) -> set[str]:
        """Return the names of all services that have sent spans."""
        return {
            service_name(resource_spans.resource)
            for trace in self._traces.values()
            for resource_spans in trace.resource_spans
        }

    def operations(self, service: str, kind: str = "") -> set[tuple[str, str]]:
        """Return a service's (operation, kind) pairs, optionally of one kind.

        As in Jaeger the service "" has none.
        """
        pairs = {
            (found.span.name, KINDS.get(found.span.kind, ""))
            for trace in self._traces.values()
            for found in (spans(trace, service) if service else ())
        }
        return {pair for pair in pairs if kind in ("", pair[1])}


def spans(trace: TracesData, service: str = "") -> Iterator[StoredSpan]:
    """Yield a trace's spans, optionally of one service."""
    for resource_spans in trace.resource_spans:
        resource = resource_spans.resource
        if service and service_name(resource) != service:
            continue
        for scope_spans in resource_spans.scope_spans:
            scope = scope_spans.scope
            for span in scope_spans.spans:
                yield StoredSpan(resource, scope, span)


def service_name(resource: Resource) -> str:
    """Return the resource's `service.name`, or ""."""
    names = (item.value.string_value for item in resource.attributes if item.key == "service.name")
    return next(names, "")


def as_text(value: AnyValue) -> str:
    """Return a value's string form as Jaeger (written in Go) compares it."""
    match value.WhichOneof("value"):
        case None:
            return ""
        case "string_value":
            return value.string_value
        case "bytes_value":
            return b64encode(value.bytes_value).decode()
        case "double_value" if not math.isfinite(value.double_value):
            return f"json: unsupported value: {_NOT_FINITE[str(value.double_value)]}"
    try:
        return _json(value)
    except ValueError:
        return ""


def _json(value: AnyValue) -> str:
    """Return a value as Go's encoding/json writes it; raises ValueError if JSON cannot."""
    match value.WhichOneof("value"):
        case None:
            return "null"
        case "array_value":
            return f"[{','.join(map(_json, value.array_value.values))}]"
        case "kvlist_value":
            last = {item.key: item.value for item in value.kvlist_value.values}
            pairs = (f"{_quoted(key)}:{_json(last[key])}" for key in sorted(last))
            return f"{{{','.join(pairs)}}}"
        case "double_value":
            return _number(value.double_value)
        case "bytes_value":
            return _quoted(b64encode(value.bytes_value).decode()) if value.bytes_value else "null"
        case "string_value":
            return _quoted(value.string_value)
        case "bool_value":
            return str(value.bool_value).lower()
    return str(value.int_value)


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False).translate(_ESCAPED)


def _number(number: float) -> str:
    if not math.isfinite(number):
        raise ValueError("JSON has no such number")
    if number and not 1e-6 <= abs(number) < 1e21:
        return repr(number).replace("e-0", "e-")
    return format(Decimal(repr(number)), "f").removesuffix(".0")


def _duration(span: Span) -> int:
    return max(span.end_time_unix_nano - span.start_time_unix_nano, 0)


def _attributes(found: StoredSpan) -> Iterator[Iterable[KeyValue]]:
    yield found.span.attributes
    yield found.resource.attributes
    yield found.scope.attributes
    for event in found.span.events:
        yield event.attributes
    for link in found.span.links:
        yield link.attributes


def _has(attributes: Iterable[KeyValue], key: str, value: str) -> bool:
    """Compare the first attribute with that key, as Jaeger does."""
    return next((as_text(item.value) == value for item in attributes if item.key == key), False)
