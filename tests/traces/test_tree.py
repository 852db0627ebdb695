"""Client and server that share a span id, and other ids that several spans have."""

import pytest

from ops.traces.trace import Trace
from ops.traces.tree import tree_of
from ops.vocabulary.spans import Span
from tests.traces.making import span, spans_of, tree

MILLISECOND = 1_000_000


def outline(trace: Trace) -> list[str]:
    """Each row as its service and span id, with two blanks a level."""
    return [
        f"{'  ' * row.depth}{row.span.service} {row.span.span_id}" for row in trace.rows if row.span
    ]


def client(span_id: str, parent_id: str = "", *, service: str = "shop", **fields: object) -> Span:
    return span(span_id, parent_id, service=service, kind="client", **fields)


def server(span_id: str, parent_id: str = "", *, service: str = "bank", **fields: object) -> Span:
    return span(span_id, parent_id, service=service, kind="server", **fields)


@pytest.mark.parametrize("later", [15, 0, -5])
def test_a_server_that_shares_its_clients_id_is_below_it(later: int) -> None:
    trace = tree(
        span("root", service="shop", duration=100),
        client("pay", "root", start=10, duration=80),
        server("pay", "root", start=10 + later, duration=60),
        span("book", "pay", service="bank", start=20),
        span("connect", "pay", service="shop", start=11),
    )

    assert outline(trace) == [
        "shop root", "  shop pay", "    bank pay", "      bank book", "    shop connect",
    ] or outline(trace) == [
        "shop root", "  shop pay", "    shop connect", "    bank pay", "      bank book",
    ]  # fmt: skip
    assert trace.span_count == 5
    assert not [each for each in trace.warnings if "share" in each]


def test_a_span_id_finds_both_sides_and_each_has_a_key_of_its_own() -> None:
    trace = tree(client("pay"), server("pay", start=1), span("book", "pay", service="bank"))

    assert trace.rows.of_key("pay") == [0, 1]
    assert [trace.rows.key(row) for row in range(3)] == ["pay", "pay.2", "book"]
    assert [trace.rows.of_key(key) for key in ("pay.2", "pay.3", "book.2")] == [[1], [], []]


def test_a_call_at_the_root_has_one_root_though_both_sides_say_it() -> None:
    trace = tree(server("r", start=-3), client("r", duration=9), span("in", "r", service="bank"))

    assert outline(trace) == ["shop r", "  bank r", "    bank in"]
    assert (trace.service, trace.operation) == ("shop", "r")
    assert "2 spans claim to be the root" not in trace.warnings


def test_a_service_that_calls_itself_has_the_children_on_the_receiving_side() -> None:
    trace = tree(client("c"), server("c", service="shop", start=1), span("x", "c", service="shop"))

    assert outline(trace) == ["shop c", "  shop c", "    shop x"]


def test_instances_of_a_service_tell_the_sides_apart() -> None:
    here, there = {"instance": "shop-1"}, {"instance": "shop-2"}
    trace = tree(
        client("c", process=here, duration=9),
        server("c", service="shop", process=there, start=1),
        span("mine", "c", service="shop", process=here, start=2),
        span("theirs", "c", service="shop", process=there, start=3),
    )

    assert outline(trace) == ["shop c", "  shop c", "    shop theirs", "  shop mine"]


def test_calls_that_are_tried_again_under_one_id_keep_what_is_theirs() -> None:
    trace = tree(
        client("c", duration=10),
        client("c", start=20, duration=10),
        server("c", start=2, duration=5),
        server("c", start=22, duration=5),
        span("first", "c", service="bank", start=3),
        span("second", "c", service="bank", start=23),
    )

    assert outline(trace) == [
        "shop c", "  bank c", "    bank first", "shop c", "  bank c", "    bank second",
    ]  # fmt: skip


def test_sender_and_receiver_of_a_message_share_an_id_alike() -> None:
    sent = span("m", service="shop", kind="producer")
    trace = tree(sent, span("m", service="bank", kind="consumer", start=5), span("x", "m"))

    assert outline(trace)[:2] == ["shop m", "  bank m"]


def test_a_server_alone_stays_where_its_parent_is() -> None:
    trace = tree(span("root"), server("s", "root"), span("in", "s"))

    assert outline(trace) == ["petstore root", "  bank s", "    petstore in"]


def test_many_spans_of_one_id_are_put_in_place_in_no_time() -> None:
    """Each is compared with some of the others, not with all: that would take minutes."""
    spans = [
        span("x", "x", kind=("client", "server")[number % 2], start=number)
        for number in range(20_000)
    ]
    found = tree_of(spans_of(*spans))

    assert len(found.parents) == len(spans)


def test_it_misses_no_parent_whose_only_child_has_its_caller_here() -> None:
    server = span("a", "gone", kind="server", service="store")
    found = tree(span("a", "", kind="client"), server)
    assert found.missing_parents == 0
    assert "missing" not in " ".join(found.warnings)
