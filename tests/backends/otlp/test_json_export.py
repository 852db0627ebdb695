"""A trace as OTLP's JSON: the words of the specification, and all that came."""

import base64
import json
from typing import Any

from google.protobuf.json_format import ParseDict
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import (
    ResourceSpans,
    ScopeSpans,
    Span,
    Status,
    TracesData,
)

from ops.backends.otlp.json_export import _PIECE, write

NOON = 1_732_449_600_000_000_000


def export(*messages: TracesData) -> Any:
    return json.loads(b"".join(write([each.SerializeToString() for each in messages])))


def full_span() -> Span:
    """A span in which every field is set."""
    span = Span(
        trace_id=bytes.fromhex("ab" * 16), span_id=bytes.fromhex("01" * 8),
        parent_span_id=bytes.fromhex("02" * 8), trace_state="a=b", flags=257, name="Query <é>",
        kind=Span.SPAN_KIND_CLIENT, start_time_unix_nano=NOON, end_time_unix_nano=NOON + 1,
        dropped_attributes_count=1, dropped_events_count=2, dropped_links_count=3,
    )  # fmt: skip
    span.status.code, span.status.message = Status.STATUS_CODE_ERROR, "too late"
    values = {
        "string": AnyValue(string_value=""), "int": AnyValue(int_value=-(2**62)),
        "bool": AnyValue(bool_value=False), "double": AnyValue(double_value=float("inf")),
        "bytes": AnyValue(bytes_value=b"\xff\xfe"), "nothing": AnyValue(),
    }  # fmt: skip
    span.attributes.extend(KeyValue(key=key, value=value) for key, value in values.items())
    span.events.add(time_unix_nano=NOON, name="e", dropped_attributes_count=4)
    span.links.add(
        trace_id=b"\x0f" * 16, span_id=b"\x0e" * 8, trace_state="c=d", flags=1,
        dropped_attributes_count=5,
    )  # fmt: skip
    return span


def full() -> TracesData:
    made = TracesData()
    resource_spans = made.resource_spans.add(schema_url="https://example.com/r")
    resource_spans.resource.dropped_attributes_count = 6
    name = KeyValue(key="service.name", value=AnyValue(string_value="store"))
    resource_spans.resource.attributes.append(name)
    scope_spans = resource_spans.scope_spans.add(schema_url="https://example.com/s")
    scope_spans.scope.name, scope_spans.scope.version = "lib", "1.2"
    scope_spans.spans.extend([full_span(), Span(name="bare")])
    resource_spans.scope_spans.add()
    return made


def test_it_writes_what_the_specification_says() -> None:
    (resource_spans,) = export(full())["resourceSpans"]

    assert resource_spans["resource"] == {
        "attributes": [{"key": "service.name", "value": {"stringValue": "store"}}],
        "droppedAttributesCount": 6,
    }
    assert resource_spans["schemaUrl"] == "https://example.com/r"
    first, empty = resource_spans["scopeSpans"]
    assert empty == {"spans": []}
    assert first["scope"] == {"name": "lib", "version": "1.2"}
    assert first["schemaUrl"] == "https://example.com/s"
    span, bare = first["spans"]
    assert bare == {"name": "bare"}
    assert span == {
        "traceId": "ab" * 16, "spanId": "01" * 8, "parentSpanId": "02" * 8, "traceState": "a=b",
        "flags": 257, "name": "Query <é>", "kind": 3, "startTimeUnixNano": str(NOON),
        "endTimeUnixNano": str(NOON + 1),
        "attributes": [
            {"key": "string", "value": {"stringValue": ""}},
            {"key": "int", "value": {"intValue": str(-(2**62))}},
            {"key": "bool", "value": {"boolValue": False}},
            {"key": "double", "value": {"doubleValue": "Infinity"}},
            {"key": "bytes", "value": {"bytesValue": "//4="}},
            {"key": "nothing", "value": {}},
        ],
        "droppedAttributesCount": 1,
        "events": [{"timeUnixNano": str(NOON), "name": "e", "droppedAttributesCount": 4}],
        "droppedEventsCount": 2,
        "links": [
            {
                "traceId": "0f" * 16, "spanId": "0e" * 8, "traceState": "c=d", "flags": 1,
                "droppedAttributesCount": 5,
            }
        ],
        "droppedLinksCount": 3,
        "status": {"message": "too late", "code": 2},
    }  # fmt: skip


def test_it_writes_several_messages_as_one_trace() -> None:
    assert export(full(), full())["resourceSpans"] == 2 * export(full())["resourceSpans"]
    assert export() == {"resourceSpans": []}


def test_it_never_writes_one_long_text() -> None:
    message = full()
    message.resource_spans[0].scope_spans[0].spans.extend(full_span() for _ in range(500))

    pieces = list(write([message.SerializeToString()]))

    assert len(pieces) > 3
    assert all(len(piece) < 2 * _PIECE for piece in pieces)


names = st.text(max_size=4)
spans = st.builds(
    lambda name, ids, time, value: Span(
        name=name, span_id=ids, start_time_unix_nano=time,
        attributes=[KeyValue(key=name, value=AnyValue(int_value=value))],
    ),
    names, st.binary(max_size=8), st.integers(0, 2**64 - 1), st.integers(-(2**63), 2**63 - 1),
)  # fmt: skip
scopes = st.builds(
    lambda url, held: ScopeSpans(schema_url=url, spans=held), names, st.lists(spans, max_size=3)
)
resources = st.builds(
    lambda url, held: ResourceSpans(schema_url=url, scope_spans=held),
    names, st.lists(scopes, max_size=3),
)  # fmt: skip


@given(st.lists(resources, max_size=3))
def test_all_that_came_can_be_read_again(held: list[ResourceSpans]) -> None:
    message = TracesData(resource_spans=held)
    found = export(message)
    for resource_spans in found["resourceSpans"]:
        for scope_spans in resource_spans["scopeSpans"]:
            for span in scope_spans["spans"]:
                if "spanId" in span:  # in hex, which protobuf itself would read as base64
                    span["spanId"] = _base64(span["spanId"])

    assert ParseDict(found, TracesData()) == message


def _base64(text: str) -> str:
    return base64.b64encode(bytes.fromhex(text)).decode()
