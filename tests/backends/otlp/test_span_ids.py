"""IDs of usual and unusual lengths, among other fields in any order."""

from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.proto.trace.v1.trace_pb2 import Span, TracesData

from ops.backends.otlp.reader import read_trace
from ops.backends.otlp.wire_format import nested
from ops.traces.tree import tree_of
from tests.backends.otlp.conftest import NOON, read
from tests.fakes.jaeger import span, trace

EMPTY = b"\x22\x00"  # a parent's ID
OTHERS = (
    Span(trace_id=bytes(range(16))).SerializeToString(),
    Span(trace_state="a=b").SerializeToString(),
    Span(dropped_attributes_count=8, dropped_events_count=1).SerializeToString(),
    Span(dropped_links_count=300, flags=257).SerializeToString(),
    b"\xa8\x3f\x01",  # numbers that nobody knows
    b"\xba\x3f\x0812345678",
)
ids = st.one_of(st.binary(min_size=8, max_size=8), st.binary(max_size=17))


def test_it_reads_ids_of_another_length_beside_usual_ones() -> None:
    first, second = trace(span("shop", "a", start=NOON)), trace(span("shop", "b", start=NOON + 1))
    (root,) = first.resource_spans[0].scope_spans[0].spans
    (child,) = second.resource_spans[0].scope_spans[0].spans
    root.span_id, root.parent_span_id = b"12345678", b""
    child.span_id, child.parent_span_id = b"\xab\xcd", root.span_id
    spans = read(first, second)

    assert list(spans.ids) == ["3132333435363738", "abcd".zfill(16)]
    assert list(spans.parent_ids) == ["", "3132333435363738"]
    assert list(tree_of(spans).parents) == [-1, 0]


def test_a_parent_of_zeros_is_none() -> None:
    assert list(read(trace(span("shop", "a", parent_id="00" * 8))).parent_ids) == [""]


@st.composite
def encoded_spans(draw: st.DrawFn) -> bytes:
    """Return spans in which every field that is a column is written, in one order for each."""
    spans = []
    for number in range(draw(st.integers(1, 5))):
        start = NOON + number
        fields = [
            Span(span_id=draw(ids) or b"\1").SerializeToString(),
            Span(parent_span_id=draw(ids)).SerializeToString() or EMPTY,
            Span(name=f"{number}").SerializeToString(),
            Span(kind=Span.SPAN_KIND_SERVER).SerializeToString(),
            Span(start_time_unix_nano=start).SerializeToString(),
            Span(end_time_unix_nano=start + 1).SerializeToString(),
            b"\x7a\x00",  # a status
            *draw(st.lists(st.sampled_from(OTHERS), unique=True)),
        ]
        spans.append(nested(2, b"".join(draw(st.permutations(fields)))))
    return nested(1, nested(2, b"".join(spans)))


@given(encoded_spans())
def test_ids_are_those_that_plain_protobuf_reads(message: bytes) -> None:
    (group,) = TracesData.FromString(message).resource_spans
    expected = group.scope_spans[0].spans
    spans = read_trace([message])

    assert spans is not None
    assert list(spans.ids) == [each.span_id.hex().zfill(16) for each in expected]
    assert list(spans.parent_ids) == [
        each.parent_span_id.hex().zfill(16) if each.parent_span_id.strip(b"\0") else ""
        for each in expected
    ]
