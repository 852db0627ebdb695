"""Convert OTLP messages to the types of ops.vocabulary.spans."""

from collections.abc import Iterable, Iterator, Mapping

from opentelemetry.proto.common.v1.common_pb2 import AnyValue, InstrumentationScope, KeyValue
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1 import trace_pb2

from ops.vocabulary import tags
from ops.vocabulary.spans import (
    NO_SCOPE,
    NO_SERVICE,
    Attributes,
    Event,
    Link,
    Pairs,
    Process,
    Scope,
    Span,
    Value,
)
from ops.vocabulary.tags import compared, says_failed

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
_STATUSES = {ERROR: "error", trace_pb2.Status.STATUS_CODE_OK: "ok"}
# Names used by OpenTelemetry and by Jaeger's own clients; the first one present counts.
INSTANCE = ("service.instance.id", "k8s.pod.name", "container.id", "client-uuid")
_HOST = ("host.name", "hostname", "k8s.node.name", "host.id", "host.ip", "ip")
VERSION = ("service.version", "version")
_CLOCK = ("host.id", "host.name", "hostname", "k8s.node.name", "host.ip", "ip")


def read_span(
    span: trace_pb2.Span, service: str, process: Attributes, scope: Scope = NO_SCOPE
) -> Span:
    """Return one span, given its resource's name and attributes, and its scope."""
    found = attributes(span.attributes)
    found.pop(WARNINGS, None)  # Jaeger's own, shown apart
    start = span.start_time_unix_nano
    return Span(
        # Padded: 64-bit IDs come short from some senders, and one trace needs one ID.
        trace_id=span.trace_id.hex().zfill(32),
        span_id=span.span_id.hex().zfill(16),
        parent_id=span.parent_span_id.hex(),
        service=service,
        operation=span.name,
        kind=KINDS.get(span.kind, ""),
        start=start,
        duration=max(span.end_time_unix_nano - start, 0),
        error=failed(span),
        message=span.status.message,
        attributes=found,
        events=tuple(map(read_event, span.events)),
        links=tuple(
            Link(
                link.trace_id.hex().zfill(32),
                link.span_id.hex().zfill(16),
                attributes(link.attributes),
                link.trace_state,
            )
            for link in span.links
        ),
        warnings=span_warnings(span),
        process=process,
        status=_STATUSES.get(span.status.code, ""),
        repeated=repeated(item for item in span.attributes if item.key != WARNINGS),
        scope=scope,
        trace_state=span.trace_state,
    )


def read_event(event: trace_pb2.Span.Event) -> Event:
    """Return one event of a span."""
    pairs = event.attributes
    return Event(event.time_unix_nano, event.name, attributes(pairs), repeated(pairs))


def span_warnings(span: trace_pb2.Span) -> tuple[str, ...]:
    """Return Jaeger's warnings about a span, from an attribute with one string or several."""
    for item in span.attributes:
        if item.key == WARNINGS:
            values = item.value.array_value.values or (item.value,)
            return tuple(as_text(value) for value in values)
    return ()


def derived_tags(
    kinds: Iterable[int], statuses: Iterable[bytes], scopes: Iterable[bytes]
) -> Iterator[str]:
    """Yield the tag keys that api_v2 derives from OTLP's fields; some appear several times.

    Statuses and scopes are serialized.
    """
    for scope in map(InstrumentationScope.FromString, scopes):
        if scope.name:
            yield tags.SCOPE_NAME
        if scope.version:
            yield tags.SCOPE_VERSION
    if not _KINDS_WITH_A_TAG.isdisjoint(kinds):
        yield tags.KIND
    for status in map(trace_pb2.Status.FromString, statuses):
        if status.code in _STATUSES:
            yield tags.STATUS_CODE
        if status.code == ERROR:
            yield tags.ERROR
        if status.message:
            yield tags.STATUS_DESCRIPTION


_KINDS_WITH_A_TAG = frozenset(number for number, name in KINDS.items() if name)


def service_name(resource: Resource) -> str:
    """Return the resource's `service.name`, or NO_SERVICE."""
    for item in resource.attributes:
        if item.key == "service.name":
            return item.value.string_value or as_text(item.value) or NO_SERVICE
    return NO_SERVICE


def read_process(resource: Resource) -> Process:
    """Return the process of a resource's spans.

    Processes on one host share its clock; the host is identified by the attributes that Jaeger
    uses, and a few more. Without a host, an instance has a clock of its own.
    """
    said = {item.key: as_text(item.value) for item in resource.attributes}
    instance, host = _first(said, INSTANCE), _first(said, _HOST)
    return Process(
        service=service_name(resource),
        version=_first(said, VERSION),
        instance=instance,
        host=host,
        clock=_first(said, _CLOCK) or instance,
    )


def _first(said: Mapping[str, str], keys: Iterable[str]) -> str:
    return next((said[key] for key in keys if said.get(key)), "")


def read_scope(scope: InstrumentationScope) -> Scope:
    """Return the library that created the spans."""
    return Scope(scope.name, scope.version, attributes(scope.attributes))


def failed(span: trace_pb2.Span) -> bool:
    """Return whether a span failed, by its status or a tag; see ops.vocabulary.tags.says_failed."""
    return span.status.code == ERROR or any(
        item.key in _ERROR_KEYS and says_failed(item.key, _value(item.value))
        for item in span.attributes
    )


def may_have_error_tags(raw: bytes) -> bool:
    """Return whether serialized spans may have such a tag; fast, because it parses nothing."""
    return any(key in raw for key in ERROR_TAGS.values())


# What Jaeger's clients and api_v2 write in place of a status.
_ERROR_KEYS = (tags.ERROR, tags.STATUS_CODE)
ERROR_TAGS = {key: KeyValue(key=key).SerializeToString() for key in _ERROR_KEYS}


def attributes(items: Iterable[KeyValue]) -> dict[str, Value]:
    """Return OTLP's key-value list as a dict; the first value of a repeated key counts."""
    # Most values are strings; reading these without asking for the kind takes half the time.
    found: dict[str, Value] = {}
    for item in items:
        if item.key not in found:
            found[item.key] = item.value.string_value or _value(item.value)
    return found


def repeated(items: Iterable[KeyValue]) -> Pairs:
    """Return the repeated keys that `attributes` leaves out."""
    seen: set[str] = set()
    again = []
    for item in items:
        if item.key in seen:
            again.append((item.key, _value(item.value)))
        seen.add(item.key)
    return tuple(again)


def _value(value: AnyValue) -> Value:
    kind = value.WhichOneof("value")
    if kind is None:
        return None
    if kind == "array_value":
        return [_value(item) for item in value.array_value.values]
    if kind == "kvlist_value":
        return {item.key: _value(item.value) for item in value.kvlist_value.values}
    plain: Value = getattr(value, kind)
    return plain


def as_text(value: AnyValue) -> str:
    """Return the string that Jaeger compares a value by."""
    return compared(_value(value))
