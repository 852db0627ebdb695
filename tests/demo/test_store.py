"""What matches a search, as Jaeger's memory store of release 2.20 has it."""

import pytest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, ArrayValue
from opentelemetry.proto.trace.v1.trace_pb2 import Status, TracesData

from opsportal.demo.store import Query, TraceStore, as_text, spans
from tests.fakes.jaeger import MILLISECOND, Planned, span, trace

START = 1_795_521_600_000_000_000


def store_of(*traces: TracesData, limit: int = 100) -> TraceStore:
    store = TraceStore(limit)
    for each in traces:
        store.add(each.resource_spans)
    return store


def found(store: TraceStore, **query: object) -> list[str]:
    """The operations of the roots that a search finds."""
    traces = store.find(Query(depth=100, **query))  # type: ignore[arg-type]
    roots = (each.span for made in traces for each in spans(made) if not each.span.parent_span_id)
    return [root.name for root in roots]


def of_list(*texts: str) -> AnyValue:
    return AnyValue(array_value=ArrayValue(values=[AnyValue(string_value=text) for text in texts]))


def test_it_finds_the_last_arrived_first_and_no_more_than_asked() -> None:
    store = store_of(*(trace(span("petstore", name)) for name in "abc"))
    assert found(store) == ["c", "b", "a"]
    assert len(store.find(Query(depth=2))) == 2


def test_it_drops_the_oldest_traces_beyond_its_limit() -> None:
    store = store_of(*(trace(span("petstore", name)) for name in "abc"), limit=2)
    assert found(store) == ["c", "b"]


def test_it_puts_the_pieces_of_a_trace_together() -> None:
    whole = trace(span("petstore", "a", children=[span("store", "b"), span("mailer", "c")]))
    store = TraceStore()
    for piece in whole.resource_spans:
        store.add([piece])
    [together] = store.find(Query(depth=10))
    assert {each.span.name for each in spans(together)} == {"a", "b", "c"}
    assert store.services() == {"petstore", "store", "mailer"}


def test_it_wants_all_conditions_met_by_one_span() -> None:
    store = store_of(trace(span("petstore", "a", children=[span("store", "b", tags={"k": "v"})])))
    assert found(store, service="store", operation="b", tags={"k": "v"}) == ["a"]
    assert found(store, service="petstore", tags={"k": "v"}) == []
    assert found(store, service="petstore", operation="b") == []


@pytest.mark.parametrize(
    ("bounds", "hit"),
    [
        ({"shortest": 10 * MILLISECOND, "longest": 10 * MILLISECOND}, True),
        ({"shortest": 10 * MILLISECOND + 1}, False),
        ({"longest": 10 * MILLISECOND - 1}, False),
        ({"start": START, "end": START}, True),
        ({"start": START + 1}, False),
        ({"end": START - 1}, False),
    ],
)
def test_it_includes_both_ends_of_times_and_durations(bounds: dict[str, int], hit: bool) -> None:
    store = store_of(trace(span("petstore", "a", start=START, duration=10 * MILLISECOND)))
    assert bool(found(store, **bounds)) is hit


@pytest.mark.parametrize(
    ("value", "hits"),
    [
        ("true", ["bad"]),
        ("1", ["bad"]),
        ("t", ["bad"]),
        ("false", ["fine"]),
        ("yes", []),
        ("", []),
    ],
)
def test_it_takes_error_for_the_status(value: str, hits: list[str]) -> None:
    fine = trace(span("petstore", "fine"))
    fine.resource_spans[0].scope_spans[0].spans[0].status.code = Status.STATUS_CODE_OK
    store = store_of(
        fine, trace(span("petstore", "unset")), trace(span("petstore", "bad", error=""))
    )
    assert found(store, tags={"error": value}) == hits


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("span.kind", "server"),
        ("span.status", "ERROR"),
        ("resource.zone", "a"),
        ("zone", "a"),
        ("exception.type", "Timeout"),
        ("http.status_code", "500"),
        ("ratio", "0.5"),
        ("cached", "false"),
        ("shards", "[1,2]"),
    ],
)
def test_it_knows_tags_of_every_place_and_type(key: str, value: str) -> None:
    planned = span(
        "petstore",
        "a",
        kind="server",
        error="boom",
        resource={"zone": "a"},
        events=[("exception", {"exception.type": "Timeout"})],
        tags={"http.status_code": 500, "ratio": 0.5, "cached": False, "shards": [1, 2]},
    )
    store = store_of(trace(planned))
    assert found(store, tags={key: value}) == ["a"]
    assert found(store, tags={key: value + "x"}) == []


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (AnyValue(double_value=1.0), "1"),
        (AnyValue(double_value=1e20), "100000000000000000000"),
        (AnyValue(double_value=1e21), "1e+21"),
        (AnyValue(double_value=1e-7), "1e-7"),
        (AnyValue(bytes_value=b"\x00\xff"), "AP8="),
        (of_list("ü", "<a&b>"), '["ü","\\u003ca\\u0026b\\u003e"]'),
        (AnyValue(), ""),
    ],
)
def test_it_writes_values_as_go_does(value: AnyValue, text: str) -> None:
    assert as_text(value) == text


def test_it_lists_operations_with_their_kinds() -> None:
    kinds: list[Planned] = [span("petstore", "a", kind="server"), span("petstore", "a")]
    store = store_of(*map(trace, kinds))
    assert store.operations("petstore") == {("a", "server"), ("a", "internal")}
    assert store.operations("petstore", "server") == {("a", "server")}
    assert store.operations("nobody") == set()
    assert store.operations("") == set()
