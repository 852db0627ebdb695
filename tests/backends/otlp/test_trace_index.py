"""Messages that are cut short, and large ones."""

import pytest
from google.protobuf.message import DecodeError

from ops.backends.otlp.reader import read_trace
from ops.backends.otlp.trace_index import TraceIndex
from tests.backends.otlp.conftest import NOON
from tests.fakes.jaeger import span, trace


@pytest.mark.parametrize("cut", [1, 2, 30, 60])
def test_it_refuses_a_message_that_is_cut_short(cut: int) -> None:
    whole = trace(span("shop", "one")).SerializeToString()

    with pytest.raises(DecodeError):
        read_trace([whole[:-cut]])


def test_it_reads_a_large_message_in_pieces_and_each_span_once() -> None:
    large = {"text": "x" * 400_000}
    services = [f"shop-{number % 5}" for number in range(12)]
    planned = [
        span(service, f"{number}", start=NOON + number, events=[("e", {})] * (number % 2),
             tags=large if number % 3 else {"error": True})
        for number, service in enumerate(services)
    ]  # fmt: skip
    message = trace(*planned).SerializeToString()
    assert len(list(TraceIndex([message]).pieces())) > 2
    pieces = list(TraceIndex([message, message]).pieces())
    assert sum(count for _, count in pieces) == 2 * len(planned)
    found = read_trace([message])
    assert found is not None
    assert list(found.names) == [(each, f"{number}") for number, each in enumerate(services)]
    assert found.failing == {0, 3, 6, 9}
    assert list(found.events) == [number % 2 for number in range(12)]
    assert [found.store[number].operation for number in range(12)] == [f"{n}" for n in range(12)]
    assert found.store.tag_keys() == {"text", "error", "span.kind"}
