"""Convert spans of Jaeger's older model to OTLP, which all other code reads.

That model stores some OTLP fields as tags, which are converted back here:

    OTLP                          Jaeger's model
    span.kind = CLIENT            tag span.kind=client
    span.status = ERROR, "no"     tags otel.status_code=ERROR, error=true,
                                  otel.status_description=no
    scope.name, scope.version     tags otel.scope.name, otel.scope.version
    trace_state                   tag w3c.tracestate
    event.name                    field `event` of a log
    parent_span_id                the first reference of kind CHILD_OF, else FOLLOWS_FROM
    attribute @jaeger@warnings    warnings
"""

from collections.abc import Iterable, Sequence

from opentelemetry.proto.common.v1.common_pb2 import (
    AnyValue,
    ArrayValue,
    InstrumentationScope,
    KeyValue,
)
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1.trace_pb2 import (
    ResourceSpans,
    ScopeSpans,
    Span,
    Status,
    TracesData,
)

from ops.backends.otlp.convert import KINDS, WARNINGS
from ops.vocabulary.tags import (
    ERROR,
    EVENT,
    KIND,
    SCOPE_NAME,
    SCOPE_VERSION,
    STATUS_CODE,
    STATUS_DESCRIPTION,
    TRACE_STATE,
    says_failed,
)
from proto.jaeger.api_v2 import model_pb2, query_pb2

_KINDS = {name: number for number, name in KINDS.items() if name}
_NONE = model_pb2.KeyValue()
_TOGETHER = 500  # chunks per message; Jaeger puts ten spans into a chunk


def as_otlp(chunks: Sequence[bytes]) -> list[bytes]:
    """Convert serialized SpansResponseChunk messages to a few serialized TracesData messages."""
    starts = range(0, len(chunks), _TOGETHER)
    return [convert(chunks[at : at + _TOGETHER]).SerializeToString() for at in starts]


def convert(chunks: Iterable[bytes]) -> TracesData:
    """Convert serialized SpansResponseChunk messages to one TracesData, a resource per process."""
    data = TracesData()
    processes: dict[bytes, ResourceSpans] = {}
    places: dict[tuple[bytes, str, str], ScopeSpans] = {}
    for chunk in chunks:
        for span in query_pb2.SpansResponseChunk.FromString(chunk).spans:
            process = span.process.SerializeToString(deterministic=True)
            if process not in processes:
                processes[process] = data.resource_spans.add(resource=_resource(span.process))
            tags = list(span.tags)
            name, version = (_taken(tags, key, 0).v_str for key in (SCOPE_NAME, SCOPE_VERSION))
            key = process, name, version
            if key not in places:
                scope = InstrumentationScope(name=name, version=version)
                places[key] = processes[process].scope_spans.add(scope=scope)
            places[key].spans.append(_span(span, tags))
    return data


def _resource(process: model_pb2.Process) -> Resource:
    name = KeyValue(key="service.name", value=AnyValue(string_value=process.service_name))
    return Resource(attributes=[*map(_attribute, process.tags), name])


def _span(span: model_pb2.Span, tags: list[model_pb2.KeyValue]) -> Span:
    kind = _taken(tags, KIND).v_str.lower()
    status = _status(tags)
    start = max(span.start_time.ToNanoseconds(), 0)
    parent = _parent(span)
    warnings = ArrayValue(values=[AnyValue(string_value=text) for text in span.warnings])
    state = _taken(tags, TRACE_STATE).v_str
    attributes = [_attribute(tag) for tag in tags]
    if span.warnings:
        attributes.append(KeyValue(key=WARNINGS, value=AnyValue(array_value=warnings)))
    return Span(
        trace_id=span.trace_id,
        span_id=span.span_id,
        trace_state=state,
        parent_span_id=parent,
        name=span.operation_name,
        kind=_KINDS.get(kind, Span.SPAN_KIND_UNSPECIFIED),
        start_time_unix_nano=start,
        end_time_unix_nano=max(start + span.duration.ToNanoseconds(), 0),
        attributes=attributes,
        events=map(_event, span.logs),
        links=[
            Span.Link(trace_id=reference.trace_id, span_id=reference.span_id)
            for reference in span.references
            if (reference.trace_id, reference.span_id) != (span.trace_id, parent)
        ],
        status=status,
    )


def _taken(tags: list[model_pb2.KeyValue], key: str, which: int = -1) -> model_pb2.KeyValue:
    """Take out the last tag with this key: Jaeger adds most of the tags it derives at the end."""
    places = [number for number, tag in enumerate(tags) if tag.key == key]
    return tags.pop(places[which]) if places else _NONE


def _status(tags: list[model_pb2.KeyValue]) -> Status | None:
    """Take the status out of the tags; an `error` tag that is a message stays there."""
    code = _taken(tags, STATUS_CODE).v_str.upper()
    message = _taken(tags, STATUS_DESCRIPTION).v_str
    errors = [tag for tag in tags if tag.key == ERROR]
    if errors and says_failed(ERROR, errors[-1].v_bool or errors[-1].v_str):
        _taken(tags, ERROR)
        code = "ERROR"
    if code == "ERROR":
        return Status(code=Status.STATUS_CODE_ERROR, message=message)
    return Status(code=Status.STATUS_CODE_OK, message=message) if code == "OK" else None


def _parent(span: model_pb2.Span) -> bytes:
    """Return the span in the same trace that this one is a child of, or else follows from."""
    within = [each for each in span.references if each.trace_id == span.trace_id]
    within.sort(key=lambda reference: reference.ref_type)
    return within[0].span_id if within else b""


def _event(log: model_pb2.Log) -> Span.Event:
    """Convert a log back; its first field `event` is the name, if it is a string."""
    fields = list(log.fields)
    named = next((field for field in fields if field.key == EVENT), _NONE)
    if named.v_str:
        fields.remove(named)
    return Span.Event(
        time_unix_nano=max(log.timestamp.ToNanoseconds(), 0),
        name=named.v_str,
        attributes=map(_attribute, fields),
    )


def _attribute(tag: model_pb2.KeyValue) -> KeyValue:
    return KeyValue(key=tag.key, value=_value(tag))


def _value(tag: model_pb2.KeyValue) -> AnyValue:
    match tag.v_type:
        case model_pb2.BOOL:
            return AnyValue(bool_value=tag.v_bool)
        case model_pb2.INT64:
            return AnyValue(int_value=tag.v_int64)
        case model_pb2.FLOAT64:
            return AnyValue(double_value=tag.v_float64)
        case model_pb2.BINARY:
            return AnyValue(bytes_value=tag.v_binary)
    return AnyValue(string_value=tag.v_str)
