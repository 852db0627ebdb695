"""Traces kept as bytes: what is read of them is what parsing them whole gives."""

from typing import Any

import pytest
from google.protobuf.message import DecodeError
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import TracesData

from ops.backends.otlp import attributes, read_span, service_name
from ops.backends.wire import read_trace
from ops.traces.spans import Span, Spans
from tests.fakes.jaeger import MILLISECOND, Planned, span, trace

NOON = 1_732_449_600_000_000_000
names = st.text(max_size=5)
planned = st.builds(
    lambda service, operation, start, tags, duration: span(
        service, operation, start=NOON + start, tags=tags, duration=duration
    ),
    st.sampled_from(["shop", "store", ""]),
    names,
    st.integers(0, 3),
    st.dictionaries(names, st.one_of(names, st.integers(-5, 500), st.booleans()), max_size=3),
    st.integers(-2, 5),
)


def read(*messages: TracesData) -> Spans:
    spans = read_trace([message.SerializeToString() for message in messages])
    assert spans is not None
    return spans


def parsed(*messages: TracesData) -> list[Span]:
    """The spans as protobuf itself reads them, by start, then by id."""
    found = [
        read_span(
            each,
            service_name(resource_spans.resource),
            attributes(resource_spans.resource.attributes),
        )
        for message in messages
        for resource_spans in message.resource_spans
        for scope_spans in resource_spans.scope_spans
        for each in scope_spans.spans
    ]
    return sorted(found, key=lambda each: (each.start, each.span_id))


@given(st.lists(st.lists(planned, min_size=1, max_size=4), min_size=1, max_size=3))
def test_it_reads_what_parsing_it_whole_gives(messages: list[list[Planned]]) -> None:
    made = [trace(*roots, trace_id="ab") for roots in messages]
    spans, expected = read(*made), parsed(*made)

    assert list(spans) == expected
    assert list(spans.ids) == [each.span_id for each in expected]
    assert list(spans.starts) == [each.start for each in expected]
    assert list(spans.ends) == [each.end for each in expected]
    assert list(spans.names) == [(each.service, each.operation) for each in expected]


@given(st.lists(planned, min_size=1, max_size=6), st.data())
def test_it_finds_exactly_the_spans_with_an_attribute(
    roots: list[Planned], data: st.DataObject
) -> None:
    spans = read(trace(*roots, trace_id="ab"))
    tags = [(key, value) for root in roots for key, value in root.tags.items()]
    if not tags:
        return
    key, value = data.draw(st.sampled_from(tags))
    if not key or "=" in key:
        return
    word = str(value).lower() if isinstance(value, bool) else str(value)

    found = spans.store.find(f"{key}={word}")

    holding = [
        number
        for number, each in enumerate(spans)
        if key in each.attributes and _word(each.attributes[key]) == word
    ]
    assert found == holding


def _word(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def test_it_finds_a_text_wherever_a_span_has_it() -> None:
    spans = read(
        trace(
            span("shop", "one", start=NOON, error="Out of memory"),
            span("shop", "two", start=NOON + 1, tags={"db.statement": "select MEMORY"}),
            span("shop", "three", start=NOON + 2, events=[("log", {"message": "memory is low"})]),
            span("memory-cache", "four", start=NOON + 3),
            span("shop", "GetMemory", start=NOON + 4),
            span("shop", "six", start=NOON + 5, tags={"http.status_code": 500, "ratio": 0.5}),
            trace_id="ab",
        )
    )

    assert spans.store.find("Memory") == [0, 1, 2, 3, 4]
    assert spans.store.find("http.status_code=500") == [5]
    assert spans.store.find("ratio=0.5") == [5]
    assert spans.store.find("service.name=memory-cache") == [3]
    assert spans.store.find("service.name=memory") == []
    assert spans.store.find("nothing like it") == []


def test_it_reads_fields_in_whatever_order_they_come() -> None:
    """Jaeger writes them from the last to the first."""
    number = AnyValue(int_value=7).SerializeToString()
    attribute = _nested(2, number) + _nested(1, b"retries")
    one = _nested(9, attribute) + _nested(5, b"Buy") + _nested(2, bytes(8)) + _nested(1, bytes(16))
    name = KeyValue(key="service.name", value=AnyValue(string_value="shop")).SerializeToString()
    group = _nested(2, _nested(2, one)) + _nested(1, _nested(1, name))

    spans = read_trace([_nested(1, group)])

    assert spans is not None
    assert list(spans.names) == [("shop", "Buy")]
    assert spans.store.find("retries=7") == [0]
    assert spans.store.find("retries=8") == []


def _nested(field: int, content: bytes) -> bytes:
    assert len(content) < 128
    return bytes([field << 3 | 2, len(content)]) + content


def test_it_gives_events_in_time_order_each_by_itself() -> None:
    events: list[tuple[str, dict[str, Any]]] = [
        ("a", {"n": 1}),
        ("b", {"text": "x", "raw": b"1"}),
        ("c", {}),
    ]
    messages = [
        trace(span("shop", "late", start=NOON + 1, events=events), trace_id="ab"),
        trace(
            span("shop", "none", start=NOON + 3),
            span("store", "early", start=NOON, events=events[::-1]),
            trace_id="ab",
        ),
    ]
    spans = read(*messages)

    found = spans.store.events

    expected = sorted(
        ((event.time, number, event) for number, each in enumerate(spans) for event in each.events),
        key=lambda item: item[:2],
    )
    assert list(zip(found.times, found.spans, map(found.__getitem__, range(6)), strict=True)) == (
        expected
    )
    assert len(expected) == 6


def test_it_notes_what_is_odd_about_spans() -> None:
    spans = read(
        trace(
            span("shop", "bad", start=NOON, error="", warnings=["skew", "cut"]),
            span("shop", "early", start=NOON + 1, duration=-MILLISECOND),
            span(
                "shop", "busy", start=NOON + 2, events=[("a", {}), ("b", {})], links=[("11", "22")]
            ),
            span("shop", "odd", start=NOON + 3, tags={"@jaeger@warnings": "truncated"}),
            trace_id="ab",
        )
    )

    assert (spans.failing, spans.endless, spans.linked) == ({0}, {1}, {2})
    assert list(spans.events) == [0, 0, 2, 0]
    assert spans.warnings == {0: ("skew", "cut"), 3: ("truncated",)}
    assert spans.store[3].attributes == {}
    assert spans.store.tag_keys() == {"error", "otel.status_code", "span.kind"}


def test_it_takes_a_resource_without_a_name() -> None:
    message = trace(span("", "one"))
    del message.resource_spans[0].resource.attributes[:]

    assert read(message).names[0] == ("", "one")


def test_it_passes_over_fields_that_it_does_not_know() -> None:
    whole = trace(span("shop", "one")).SerializeToString()
    unknown = b"\xa8\x3f\x01" + b"\xb1\x3f12345678" + b"\xb5\x3f1234" + b"\xba\x3f\x02ab"

    spans = read_trace([whole])
    assert spans is not None
    inner = TracesData.FromString(whole).resource_spans[0].SerializeToString() + unknown
    again = read_trace([b"\x0a" + bytes([len(inner) % 128 | 128, len(inner) // 128]) + inner])
    assert again is not None
    assert list(again) == list(spans)


@pytest.mark.parametrize("cut", [1, 2, 30, 60])
def test_it_refuses_a_message_that_is_cut_short(cut: int) -> None:
    whole = trace(span("shop", "one")).SerializeToString()

    with pytest.raises(DecodeError):
        read_trace([whole[:-cut]])


def test_it_has_nothing_to_say_of_no_spans() -> None:
    assert read_trace([]) is None
    assert read_trace([b""]) is None
