"""OTLP messages as the spans of the house."""

import json
import math
from base64 import b64encode
from collections.abc import Iterable
from decimal import Decimal

from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1 import trace_pb2

from ops.traces.spans import Attributes, Event, Link, Span, Value

WARNINGS = "@jaeger@warnings"
ERROR = trace_pb2.Status.STATUS_CODE_ERROR
KINDS = {
    trace_pb2.Span.SPAN_KIND_UNSPECIFIED: "",
    trace_pb2.Span.SPAN_KIND_INTERNAL: "internal",
    trace_pb2.Span.SPAN_KIND_SERVER: "server",
    trace_pb2.Span.SPAN_KIND_CLIENT: "client",
    trace_pb2.Span.SPAN_KIND_PRODUCER: "producer",
    trace_pb2.Span.SPAN_KIND_CONSUMER: "consumer",
}


def read_span(span: trace_pb2.Span, service: str, process: Attributes) -> Span:
    """Return one span, given its resource's name and attributes."""
    found = attributes(span.attributes)
    found.pop(WARNINGS, None)
    start = span.start_time_unix_nano
    return Span(
        trace_id=span.trace_id.hex().zfill(32),
        span_id=span.span_id.hex().zfill(16),
        parent_id=span.parent_span_id.hex(),
        service=service,
        operation=span.name,
        kind=KINDS.get(span.kind, ""),
        start=start,
        duration=max(span.end_time_unix_nano - start, 0),
        error=span.status.code == ERROR,
        message=span.status.message,
        attributes=found,
        events=tuple(map(read_event, span.events)),
        links=tuple(
            Link(link.trace_id.hex(), link.span_id.hex(), attributes(link.attributes))
            for link in span.links
        ),
        warnings=span_warnings(span),
        process=process,
    )


def read_event(event: trace_pb2.Span.Event) -> Event:
    """Return one event of a span."""
    return Event(event.time_unix_nano, event.name, attributes(event.attributes))


def span_warnings(span: trace_pb2.Span) -> tuple[str, ...]:
    """Return what Jaeger adds about a span: it travels as an attribute, one text or several."""
    for item in span.attributes:
        if item.key == WARNINGS:
            values = item.value.array_value.values or (item.value,)
            return tuple(as_text(value) for value in values)
    return ()


def service_name(resource: Resource) -> str:
    """Return the resource's `service.name`, "" where it has none."""
    for item in resource.attributes:
        if item.key == "service.name":
            return item.value.string_value
    return ""


def attributes(items: Iterable[KeyValue]) -> dict[str, Value]:
    """Return OTLP's key-value list as a dict; of a key given twice the last counts."""
    # Most are texts, which takes half the time without asking for the kind.
    return {item.key: item.value.string_value or _value(item.value) for item in items}


def _value(value: AnyValue) -> Value:
    kind = value.WhichOneof("value")
    if kind is None:
        return None
    if kind == "array_value":
        return [_value(item) for item in value.array_value.values]
    if kind == "kvlist_value":
        return attributes(value.kvlist_value.values)
    plain: Value = getattr(value, kind)
    return plain


def as_text(value: AnyValue) -> str:
    """Return the string form of a value, as Jaeger (written in Go) compares it with a tag."""
    plain = _value(value)
    if isinstance(plain, str):
        return plain
    if isinstance(plain, bytes):
        return b64encode(plain).decode()
    if isinstance(plain, float):
        return _number(plain)
    return "" if plain is None else json.dumps(plain, separators=(",", ":"), default=str)


def _number(number: float) -> str:
    if number and math.isfinite(number) and not 1e-6 <= abs(number) < 1e21:
        return repr(number).replace("e-0", "e-")
    return format(Decimal(repr(number)), "f").removesuffix(".0")
