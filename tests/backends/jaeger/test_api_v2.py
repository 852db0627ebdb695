"""Spans of the older model as OTLP."""

from typing import Any

import pytest

from ops.backends.jaeger.api_v2 import as_otlp
from ops.backends.otlp import read_trace
from ops.vocabulary.spans import NO_SERVICE, Span
from ops.vocabulary.timerange import SECOND
from proto.jaeger.api_v2.model_pb2 import (
    BOOL,
    CHILD_OF,
    FOLLOWS_FROM,
    INT64,
    KeyValue,
    Log,
    Process,
    SpanRef,
)
from proto.jaeger.api_v2.model_pb2 import Span as OldSpan
from proto.jaeger.api_v2.query_pb2 import SpansResponseChunk

TRACE = bytes.fromhex("ab".zfill(32))
OTHER = bytes.fromhex("cd".zfill(32))


def old(number: int = 1, **fields: Any) -> OldSpan:
    span = OldSpan(trace_id=TRACE, span_id=number.to_bytes(8), operation_name="x", **fields)
    span.start_time.FromNanoseconds(SECOND)
    return span


def read(*spans: OldSpan) -> tuple[Span, ...]:
    chunks = [SpansResponseChunk(spans=[span]).SerializeToString() for span in spans]
    found = read_trace(as_otlp(chunks))
    assert found is not None
    return tuple(found)


def text(key: str, value: str) -> KeyValue:
    return KeyValue(key=key, v_str=value)


@pytest.mark.parametrize(
    ("tags", "error", "message", "left"),
    [
        ([], False, "", {}),
        ([KeyValue(key="error", v_type=BOOL, v_bool=True)], True, "", {}),
        ([text("error", "true")], True, "", {}),
        ([text("error", "no disk")], False, "", {"error": "no disk"}),
        ([KeyValue(key="error", v_type=BOOL)], False, "", {"error": False}),
        ([text("otel.status_code", "ERROR")], True, "", {}),
        ([text("otel.status_code", "OK")], False, "", {}),
        (
            [text("error", "true"), text("otel.status_description", "no disk")],
            True,
            "no disk",
            {},
        ),
    ],
)
def test_it_takes_the_status_out_of_the_tags(
    tags: list[KeyValue], error: bool, message: str, left: dict[str, object]
) -> None:
    (found,) = read(old(tags=tags))
    assert (found.error, found.message, found.attributes) == (error, message, left)


@pytest.mark.parametrize(("name", "kind"), [("server", "server"), ("SERVER", "server"), ("x", "")])
def test_it_takes_the_kind_out_of_the_tags(name: str, kind: str) -> None:
    (found,) = read(old(tags=[text("span.kind", name)]))
    assert (found.kind, found.attributes) == (kind, {})


def test_it_takes_an_events_name_out_of_its_fields() -> None:
    fields = [KeyValue(key="size", v_type=INT64, v_int64=7), text("event", "flush")]
    (found,) = read(old(logs=[Log(fields=fields), Log(fields=[text("message", "hello")])]))
    assert [(event.name, event.attributes) for event in found.events] == [
        ("flush", {"size": 7}),
        ("", {"message": "hello"}),
    ]


def reference(trace: bytes, number: int, kind: Any) -> SpanRef:
    return SpanRef(trace_id=trace, span_id=number.to_bytes(8), ref_type=kind)


@pytest.mark.parametrize(
    ("references", "parent", "links"),
    [
        ([], 0, []),
        ([(OTHER, 5, CHILD_OF)], 0, [5]),
        ([(TRACE, 6, FOLLOWS_FROM)], 6, []),
        ([(TRACE, 6, FOLLOWS_FROM), (TRACE, 7, CHILD_OF)], 7, [6]),
        ([(TRACE, 7, CHILD_OF), (TRACE, 8, CHILD_OF), (OTHER, 5, FOLLOWS_FROM)], 7, [8, 5]),
    ],
)
def test_it_takes_one_reference_for_the_parent_and_the_others_for_links(
    references: list[tuple[bytes, int, Any]], parent: int, links: list[int]
) -> None:
    (found,) = read(old(references=[reference(*each) for each in references]))
    assert int(found.parent_id or "0", 16) == parent
    assert [int(link.span_id, 16) for link in found.links] == links


def test_it_keeps_processes_apart_and_each_once() -> None:
    one = Process(service_name="a", tags=[text("host", "h1")])
    two = Process(service_name="a", tags=[text("host", "h2")])
    spans = [old(number, process=two if number % 3 else one) for number in range(1, 40)]
    found = read(*spans, old(40))
    assert {(span.service, span.process.get("host")) for span in found} == {
        ("a", "h1"), ("a", "h2"), (NO_SERVICE, None),
    }  # fmt: skip
    assert sorted(int(span.span_id, 16) for span in found) == list(range(1, 41))


def test_it_makes_few_messages_of_many_chunks() -> None:
    chunk = SpansResponseChunk(spans=[old(number) for number in range(1, 11)]).SerializeToString()
    messages = as_otlp([chunk] * 1_001)
    assert len(messages) == 3
    spans = read_trace(messages)
    assert spans is not None
    assert len(spans) + spans.copies == 10_010
    assert as_otlp([]) == []


def test_it_bears_times_that_cannot_be() -> None:
    backwards, early = old(1), old(2)
    backwards.duration.FromNanoseconds(-5 * SECOND)
    early.start_time.FromNanoseconds(-SECOND)
    assert [(span.start, span.duration) for span in read(backwards, early)] == [(0, 0), (SECOND, 0)]
