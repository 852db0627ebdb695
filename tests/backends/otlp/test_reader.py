"""Traces kept as bytes: what is read of them is what parsing them whole gives."""

from dataclasses import fields

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span as WireSpan
from opentelemetry.proto.trace.v1.trace_pb2 import TracesData

from ops.backends.otlp.convert import attributes, read_span, service_name
from ops.backends.otlp.reader import read_trace
from ops.vocabulary.spans import NO_SERVICE, Process, Scope, Span, Spans
from tests.backends.otlp.conftest import NOON, planned, read
from tests.fakes.jaeger import MILLISECOND, Planned, span, trace


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


def every_field(message: TracesData) -> bytes:
    """Write a message as Jaeger does: what is 0 or empty is written too, fields in any order."""
    return b"".join(
        _part(
            1,
            _part(1, group.resource.SerializeToString())
            + b"".join(
                _part(
                    2,
                    b"".join(_part(2, _every_field_of(each)) for each in scope.spans)
                    + _part(1, scope.scope.SerializeToString()),
                )
                for scope in group.scope_spans
            ),
        )
        for group in message.resource_spans
    )


def _every_field_of(each: WireSpan) -> bytes:
    empty = {
        "status": b"\x7a\x00",
        "end_time_unix_nano": b"\x41" + bytes(8),
        "start_time_unix_nano": b"\x39" + bytes(8),
        "kind": b"\x30\x00",
        "name": b"\x2a\x00",
        "parent_span_id": b"\x22\x00",
        "span_id": b"\x12\x00",
    }
    written = {field.name for field, _ in each.ListFields()}
    missing = b"".join(bytes_ for name, bytes_ in empty.items() if name not in written)
    return missing + each.SerializeToString()


def _part(field: int, content: bytes) -> bytes:
    length, size = b"", len(content)
    while size > 0x7F:
        length += bytes([size & 0x7F | 0x80])
        size >>= 7
    return bytes([field << 3 | 2]) + length + bytes([size]) + content


@given(
    st.lists(
        st.tuples(st.booleans(), st.lists(planned, min_size=1, max_size=4)), min_size=1, max_size=3
    )
)
def test_it_reads_the_same_whether_empty_fields_are_written(
    messages: list[tuple[bool, list[Planned]]],
) -> None:
    made = [(whole, trace(*roots, trace_id="ab")) for whole, roots in messages]
    expected = read(*(message for _, message in made))
    found = read_trace(
        [every_field(each) if whole else each.SerializeToString() for whole, each in made]
    )

    assert found is not None
    assert list(found) == list(expected)
    for column in fields(Spans):
        if column.name != "store":
            assert getattr(found, column.name) == getattr(expected, column.name), column.name
    assert found.store.tag_keys() == expected.store.tag_keys()


def test_it_sees_what_few_spans_have_where_empty_fields_are_written() -> None:
    message = trace(
        *(span("shop", f"{n}", start=NOON + n, error="no" if n == 3 else None) for n in range(5))
    )
    spans = message.resource_spans[0].scope_spans[0].spans
    spans[1].events.add(name="said")
    spans[2].links.add(span_id=b"12345678")
    spans[4].trace_state = "a=b"
    found = read_trace([every_field(message)])

    assert found is not None
    assert (list(found.events), found.linked, found.failing) == ([0, 1, 0, 0, 0], {2}, {3})
    assert {"w3c.tracestate", "otel.status_description"} <= found.store.tag_keys()


@given(st.lists(st.lists(planned, min_size=1, max_size=4), min_size=1, max_size=3))
def test_it_reads_what_parsing_it_whole_gives(messages: list[list[Planned]]) -> None:
    made = [trace(*roots, trace_id="ab") for roots in messages]
    spans, expected = read(*made), parsed(*made)

    assert list(spans) == expected
    assert list(spans.ids) == [each.span_id for each in expected]
    assert list(spans.starts) == [each.start for each in expected]
    assert list(spans.ends) == [each.end for each in expected]
    assert list(spans.names) == [(each.service, each.operation) for each in expected]


def test_spans_that_share_start_and_id_stay_in_the_order_in_which_they_came() -> None:
    made = [(NOON + number % 3, f"{number}") for number in range(100)]
    same = (span("shop", name, start=start, span_id="00000000000000aa") for start, name in made)
    names = [operation for _, operation in read(trace(*same)).names]
    assert names == [name for _, name in sorted(made, key=lambda each: each[0])]


def test_it_reads_tags_whose_keys_are_no_text() -> None:
    one, two = (span("shop", name, start=NOON, tags={f"key-{name}": "1"}) for name in "ab")
    message = trace(one, two)
    message.resource_spans[0].scope_spans[0].spans[1].trace_state = "a=b"
    found = read_trace([every_field(message).replace(b"key-a", b"key\xff-")])

    assert found is not None
    assert list(found.names) == [("shop", "a"), ("shop", "b")]
    assert {"key\ufffd-", "key-b", "w3c.tracestate"} <= found.store.tag_keys()


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


@pytest.mark.parametrize(
    ("resource", "name"),
    [
        ([], NO_SERVICE),
        ([KeyValue(key="service.name", value=AnyValue(string_value=""))], NO_SERVICE),
        ([KeyValue(key="service.name")], NO_SERVICE),
        ([KeyValue(key="service.name", value=AnyValue(int_value=42))], "42"),
    ],
)
def test_it_names_a_service_whatever_the_resource_says(resource: list[KeyValue], name: str) -> None:
    message = trace(span("", "one"))
    del message.resource_spans[0].resource.attributes[:]
    message.resource_spans[0].resource.attributes.extend(resource)

    spans = read(message)
    assert (spans.names[0], spans.store[0].service) == ((name, "one"), name)


def test_it_says_what_ran_the_spans() -> None:
    spans = read(
        trace(
            span("shop", "a", start=NOON, resource={"service.version": "1.4.2",
                 "service.instance.id": "shop-7", "host.name": "node-3"}),
            span("bank", "b", start=NOON + 1, resource={"k8s.pod.name": "bank-0"}, kind="server"),
            span("old", "c", start=NOON + 2, resource={"hostname": "h", "version": "2"}),
        )
    )  # fmt: skip

    assert [spans.processes[number] for number in spans.ran_by] == [
        Process("shop", "1.4.2", "shop-7", "node-3", "node-3"),
        Process("bank", "", "bank-0", "", "bank-0"),
        Process("old", "2", "", "h", "h"),
    ]
    assert list(spans.kinds) == ["internal", "server", "internal"]


def test_it_shows_scope_and_trace_state() -> None:
    first, second = trace(span("shop", "a", start=NOON)), trace(span("shop", "b", start=NOON + 1))
    scope = first.resource_spans[0].scope_spans[0].scope
    scope.name, scope.version = "lib.http", "1.2"
    scope.attributes.add(key="short", value=AnyValue(bool_value=True))
    first.resource_spans[0].scope_spans[0].spans[0].trace_state = "rojo=00f067,congo=t61"
    first.resource_spans[0].scope_spans.add(spans=second.resource_spans[0].scope_spans[0].spans)

    one, other = read(first)
    assert one.scope == Scope("lib.http", "1.2", {"short": True})
    assert one.trace_state == "rojo=00f067,congo=t61"
    assert (other.scope, other.trace_state) == (Scope(), "")


def test_an_end_that_cannot_be_is_none() -> None:
    spans = read(trace(span("shop", "a", start=NOON, duration=2**63 - NOON), trace_id="ab"))

    assert (spans.endless, list(spans.ends)) == ({0}, [NOON])


def test_an_end_that_jaeger_made_up_is_none() -> None:
    made_up = "Negative duration detected, sanitizing end timestamp. Original end timestamp: 1970"
    spans = read(
        trace(
            span("shop", "a", start=NOON, duration=1, warnings=[made_up]),
            span("shop", "b", start=NOON + 1, duration=1, warnings=["cut", made_up]),
        )
    )

    assert (spans.endless, list(spans.ends)) == ({0, 1}, [NOON, NOON + 1])
    assert spans.warnings == {1: ("cut",)}
    assert spans.store[0].warnings == (made_up,)


def test_it_passes_over_fields_that_it_does_not_know() -> None:
    whole = trace(span("shop", "one")).SerializeToString()
    unknown = b"\xa8\x3f\x01" + b"\xb1\x3f12345678" + b"\xb5\x3f1234" + b"\xba\x3f\x02ab"

    spans = read_trace([whole])
    assert spans is not None
    inner = TracesData.FromString(whole).resource_spans[0].SerializeToString() + unknown
    again = read_trace([b"\x0a" + bytes([len(inner) % 128 | 128, len(inner) // 128]) + inner])
    assert again is not None
    assert list(again) == list(spans)


def test_it_has_nothing_to_say_of_no_spans() -> None:
    assert read_trace([]) is None
    assert read_trace([b""]) is None


def test_it_sees_events_and_links_that_are_empty() -> None:
    message = trace(*(span("shop", f"{number}", start=NOON + number) for number in range(4)))
    spans = message.resource_spans[0].scope_spans[0].spans
    spans[1].events.add()
    spans[2].events.add(name="named")
    spans[2].events.add()
    spans[3].links.add()
    found = read_trace([message.SerializeToString()])
    assert found is not None
    assert (list(found.events), found.linked) == ([0, 1, 2, 0], {3})
