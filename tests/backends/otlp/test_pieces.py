"""Large messages, cut into pieces that are messages too."""

from collections.abc import Iterator

import pytest
from google.protobuf.message import DecodeError
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, InstrumentationScope, KeyValue
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, ScopeSpans, Span, TracesData

from ops.backends.otlp.pieces import PIECE, pieces
from ops.backends.otlp.reader import read_trace

TRACE_ID = bytes(range(16))
_Flat = tuple[str, str, str, bytes]


def grouped(*sizes: int, resource: str = "shop", start: int = 0) -> ResourceSpans:
    """The spans of one process, in a scope for each size: so many spans of 3 kB."""
    numbers = iter(range(start, start + sum(sizes)))
    scopes = [
        ScopeSpans(
            scope=InstrumentationScope(name=f"scope-{place}"),
            spans=[span(next(numbers)) for _ in range(size)],
            schema_url="schema",
        )
        for place, size in enumerate(sizes)
    ]
    name = KeyValue(key="service.name", value=AnyValue(string_value=resource))
    return ResourceSpans(resource=Resource(attributes=[name]), scope_spans=scopes)


def span(number: int) -> Span:
    text = KeyValue(key="text", value=AnyValue(string_value=f"{number:03}" * 1_000))
    return Span(
        trace_id=TRACE_ID,
        span_id=(number + 1).to_bytes(8, "big"),
        parent_span_id=TRACE_ID[1:9],
        name=f"{number}",
        start_time_unix_nano=10**18 + number,
        end_time_unix_nano=10**18 + 2 * number,
        attributes=[text],
    )


def flat(data: TracesData) -> Iterator[_Flat]:
    """Yield each span with its service, its scope and its schema."""
    for group in data.resource_spans:
        (name,) = group.resource.attributes
        for scope in group.scope_spans:
            for each in scope.spans:
                service = name.value.string_value
                yield service, scope.scope.name, scope.schema_url, each.SerializeToString()


@pytest.mark.parametrize(
    "groups",
    [
        [grouped(10)],
        [grouped(1_000)],
        [grouped(10, 1_000, 5)],
        [grouped(*[10] * 60)],
        [grouped(3), grouped(700), grouped(3), grouped(3)],
        [grouped(100, resource=f"shop-{number}") for number in range(10)],
    ],
)
def test_pieces_have_every_span_once_with_its_service_and_scope(
    groups: list[ResourceSpans],
) -> None:
    whole = TracesData(resource_spans=groups)
    message = whole.SerializeToString()
    found = list(pieces(message))
    parsed = [TracesData.FromString(piece) for piece, _ in found]
    assert [each for piece in parsed for each in flat(piece)] == list(flat(whole))
    assert max(len(piece) for piece, _ in found) < PIECE + 1_000
    assert len(found) <= 3 + 2 * len(message) / PIECE
    assert [until for _, until in found] == sorted({until for _, until in found})


def test_a_large_span_and_a_large_resource_are_not_cut() -> None:
    large = "x" * (2 * PIECE)
    for groups in (
        [grouped(3, resource=large)],
        [ResourceSpans(scope_spans=[ScopeSpans(spans=[Span(name=large), Span(name="small")])])],
    ):
        message = TracesData(resource_spans=groups).SerializeToString()
        parsed = [TracesData.FromString(piece) for piece, _ in pieces(message)]
        spans = [
            each
            for piece in parsed
            for group in piece.resource_spans
            for scope in group.scope_spans
            for each in scope.spans
        ]
        assert spans == [each for scope in groups[0].scope_spans for each in scope.spans]


@pytest.mark.parametrize("cut", [1, 2_000, 1_000_000])
def test_a_large_message_that_is_cut_short_is_refused(cut: int) -> None:
    message = TracesData(resource_spans=[grouped(1_000)]).SerializeToString()
    with pytest.raises(DecodeError):
        list(pieces(message[:-cut]))


def test_a_trace_of_one_large_group_is_read_in_pieces() -> None:
    data = TracesData(resource_spans=[grouped(400, 5, 600), grouped(7, start=1_005)])
    found = read_trace([data.SerializeToString(), grouped_again().SerializeToString()])
    assert found is not None
    assert [name for _, name in found.names] == [f"{number}" for number in range(1_022)]
    assert [found.store[number].operation for number in (0, 400, 1_004, 1_021)] == [
        "0", "400", "1004", "1021",
    ]  # fmt: skip


def grouped_again() -> TracesData:
    return TracesData(resource_spans=[grouped(10, start=1_012)])
