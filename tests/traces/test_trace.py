import itertools
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ops.traces.failures import MOST_ERRORS
from ops.traces.paths import LONGEST_PATH, MISSING_PARENT
from ops.traces.trace import Trace, build_trace
from ops.traces.tree import RECEIVING
from ops.vocabulary.spans import Event, Span
from tests.traces.making import START, exception, span, spans_of, tree


def outline(trace: Trace) -> list[tuple[int, str]]:
    """Depth and name of each row; a missing parent is its id with a question mark."""
    return [
        (row.depth, row.span.operation if row.span else f"{row.missing_id}?") for row in trace.rows
    ]


def test_it_puts_spans_into_a_tree_whatever_their_order() -> None:
    spans = (
        span("root", duration=90),
        span("late", "root", start=50, duration=10),
        span("early", "root", start=10, duration=20),
        span("leaf", "early", start=15),
    )
    expected = [(0, "root"), (1, "early"), (2, "leaf"), (1, "late")]

    for order in itertools.permutations(spans):
        trace = tree(*order)
        assert outline(trace) == expected
        assert [row.parent for row in trace.rows] == [-1, 0, 1, 0]
        assert [row.children for row in trace.rows] == [2, 1, 0, 0]


def test_it_sorts_children_that_start_together_by_id() -> None:
    assert outline(tree(span("root"), span("b", "root"), span("a", "root"))) == [
        (0, "root"), (1, "a"), (1, "b"),
    ]  # fmt: skip


def test_it_says_what_the_whole_trace_is() -> None:
    trace = tree(
        span("AddPets", start=5, duration=100, attributes={"rpc.system": "grpc"}),
        span("db", "AddPets", service="store", operation="Insert", start=10, duration=120,
             attributes={"db.system": "sql", "rpc.system": "x"}, process={"host": "a"}),
        span("db2", "AddPets", service="store", operation="Insert", start=20),
    )  # fmt: skip

    assert (trace.site, trace.trace_id) == ("production", "1".zfill(32))
    assert (trace.start, trace.duration) == (START + 5, 125)
    assert (trace.service, trace.operation) == ("petstore", "AddPets")
    assert trace.services == ("petstore", "store")
    assert trace.operations == ("AddPets", "Insert")
    assert trace.tags() == ["db.system", "rpc.system"]
    assert (trace.span_count, trace.missing_parents) == (3, 0)
    assert trace.jaeger_url == "http://jaeger/trace/1"
    assert (trace.errors, trace.warnings) == ((), ())


def test_it_puts_orphans_under_their_missing_parents() -> None:
    trace = tree(
        span("root", start=20),
        span("x", "gone", start=30),
        span("y", "gone", start=10),
        span("below", "y", start=11),
        span("z", "lost", start=40),
    )

    assert outline(trace) == [
        (0, "gone?"), (1, "y"), (2, "below"), (1, "x"), (0, "root"), (0, "lost?"), (1, "z"),
    ]  # fmt: skip
    assert trace.rows[0].children == 2
    assert trace.missing_parents == 2
    assert trace.warnings == ("spans whose parent is missing: 3 (parents gone, lost)",)
    assert (trace.service, trace.operation) == ("petstore", "root")


def test_it_names_no_root_when_the_root_is_missing() -> None:
    trace = tree(span("x", "gone"))

    assert (trace.service, trace.operation) == ("", "")
    assert trace.start == START


def test_it_shows_two_roots_and_takes_the_earlier_for_the_trace() -> None:
    trace = tree(span("second", start=5), span("first", start=1))

    assert outline(trace) == [(0, "first"), (0, "second")]
    assert trace.operation == "first"


def test_it_breaks_circles_of_parents() -> None:
    trace = tree(
        span("root"),
        span("a", "c", start=3),
        span("b", "a", start=1),
        span("c", "b", start=2),
        span("hanger", "c", start=0),
        span("self", "self", start=9),
    )

    assert outline(trace) == [
        (0, "root"), (0, "b"), (1, "c"), (2, "hanger"), (2, "a"), (0, "self"),
    ]  # fmt: skip
    assert trace.warnings[0] == "spans whose parents form a cycle, shown as roots: b, self"


def test_it_keeps_spans_that_share_an_id() -> None:
    trace = tree(
        span("root"),
        span("twin", "root", start=2, service="store"),
        span("twin", "root", start=1),
        span("child", "twin", start=3),
    )

    assert outline(trace) == [(0, "root"), (1, "twin"), (2, "child"), (1, "twin")]
    assert trace.span_count == 4
    assert trace.warnings == ("span IDs that several spans share: twin",)


def test_it_lifts_the_warnings_of_spans_once_each() -> None:
    skew = "clock skew adjustment disabled"
    trace = tree(span("a", duration=1, warnings=(skew, "cut")), span("b", "a", warnings=(skew,)))

    assert trace.warnings == (f"{skew} (2 times)", "cut")


def test_it_names_the_first_few_of_many_ids() -> None:
    trace = tree(*(span(f"s{n}", f"gone{n}", start=n) for n in range(5)))

    assert trace.warnings == (
        "spans whose parent is missing: 5 (parents gone0, gone1, gone2 and 2 more)",
    )


def test_it_lists_errors_deepest_first_then_by_start() -> None:
    trace = tree(
        span("root", error=True),
        span("a", "root", start=5, error=True),
        span("b", "root", start=1, error=True, message="broken"),
        span("deep", "a", start=6, error=True, message="no disk\nat line 7"),
        span("fine", "a", start=7),
        span("orphan", "gone", start=2, error=True),
    )

    assert [error.operation for error in trace.errors] == ["deep", "b", "orphan", "a", "root"]
    assert [error.path for error in trace.errors[:3]] == [
        ("root", "a", "deep"), ("root", "b"), (MISSING_PARENT, "orphan"),
    ]  # fmt: skip
    assert [error.sentence for error in trace.errors[:3]] == [
        "deep: no disk", "b: broken", "orphan failed",
    ]  # fmt: skip
    for error in trace.errors:
        row = trace.rows[error.row]
        assert row.span is not None
        assert row.span.operation == error.operation


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"message": "said", "events": (exception(message="raised"),)}, "said"),
        ({"events": (exception(message="first"), exception(message="last"))}, "last"),
        ({"events": (exception(type="KeyError", message=""),)}, "KeyError"),
        ({"events": (Event(START, "error", {"message": "old style"}),)}, "old style"),
        ({"events": (Event(START, "retry", {"message": "no"}),)}, ""),
        ({"attributes": {"otel.status_description": "described"}}, "described"),
        ({"attributes": {"error": "timeout"}}, "timeout"),
        ({"attributes": {"error": True}}, ""),
        ({"attributes": {"error": "true", "error.type": "500"}}, "500"),
    ],
)
def test_it_finds_what_a_failing_span_says(fields: dict[str, Any], message: str) -> None:
    (error,) = tree(span("root", error=True, **fields)).errors

    assert error.message == message


def test_it_leaves_out_the_middle_of_a_long_path() -> None:
    chain = [span("s0"), *(span(f"s{n}", f"s{n - 1}", start=n) for n in range(1, 100))]
    chain.append(span("last", "s99", error=True))
    (error,) = tree(*chain).errors

    assert len(error.path) == LONGEST_PATH + 1
    assert (error.path[0], error.path[LONGEST_PATH // 2], error.path[-1]) == ("s0", "…", "last")


def test_it_names_the_way_to_each_of_many_deep_errors() -> None:
    chain = [span(f"s{n}", f"s{n - 1}" if n else "", start=n, error=True) for n in range(30)]
    few = [replace(each, error=each.span_id == "s29") for each in chain]
    for spans in (chain, few):
        paths = {error.path for error in build_trace("", "1", spans_of(*spans)).errors}
        assert paths == {
            tuple(f"s{above}" for above in range(n + 1))
            for n, each in enumerate(spans)
            if each.error
        }


def test_it_goes_ten_thousand_levels_deep() -> None:
    chain = [span(f"s{n}", f"s{n - 1}" if n else "", start=n, error=True) for n in range(10_000)]
    trace = tree(*chain)

    assert trace.rows[-1].depth == 9_999
    assert trace.errors[0].operation == "s9999"


def test_it_says_that_clocks_differ() -> None:
    trace = tree(
        span("root", start=5_000_000), span("early", "root", service="store", start=2_000_000)
    )

    assert trace.warnings == (
        "the clock of store is 3 ms behind that of petstore: 1 span starts before its parent",
    )


def test_it_says_that_the_whole_takes_no_time() -> None:
    assert tree(span("root"), span("a", "root")).warnings == (
        "the whole trace takes no time: all spans start and end in the same nanosecond",
    )
    assert tree(span("root")).warnings == ()


def test_it_says_that_there_are_two_roots() -> None:
    assert tree(span("a", duration=1), span("b")).warnings == ("2 spans claim to be the root",)


def test_it_names_the_first_thousand_errors_and_counts_all() -> None:
    trace = tree(*(span(f"s{n}", error=True) for n in range(MOST_ERRORS + 1)))

    assert (len(trace.errors), trace.error_count) == (MOST_ERRORS, MOST_ERRORS + 1)


def test_it_finds_rows_by_what_their_spans_have() -> None:
    trace = tree(span("root", error=True), span("b", "root", start=2), span("bb", "b", start=1))

    assert trace.rows_with("b") == (1, 2)
    assert trace.rows_with("error") == (0,)
    assert (trace.rows.of_key("bb"), trace.rows.of_key("none")) == ([2], [])


ids = st.sampled_from([f"s{n}" for n in range(12)])
any_spans = st.lists(
    st.builds(
        span,
        ids,
        st.one_of(st.just(""), st.just("gone"), ids),
        service=st.sampled_from(["petstore", "store"]),
        kind=st.sampled_from(["client", "server", "internal", "producer", "consumer", ""]),
        process=st.sampled_from([{}, {"host": "a"}, {"host": "b"}]),
        start=st.one_of(
            st.integers(0, 5), st.integers(0, 10**10), st.sampled_from([-START, 2**63 - START])
        ),
        duration=st.one_of(st.integers(0, 5), st.integers(0, 10**9)),
        error=st.booleans(),
    ),
    min_size=1,
    max_size=25,
)


@given(any_spans, st.booleans())
def test_every_span_has_one_row_below_its_parent(spans: list[Span], moved: bool) -> None:
    trace = tree(*spans, moved=moved)
    times = trace.rows.times()
    shown = [row.span for row in trace.rows if row.span]

    assert sorted(map(id, shown)) == sorted(map(id, spans))
    assert len(trace.rows) == len(spans) + trace.missing_parents
    assert len({trace.rows.key(row) for row in range(len(trace.rows))}) == len(trace.rows)
    assert all(trace.rows.of_key(trace.rows.key(row))[0] == row for row in range(len(trace.rows)))
    assert trace.start == min(times.starts)
    assert trace.start + trace.duration == max(times.ends)
    assert 0 <= sum(part.end - part.start for part in trace.timing.path) <= trace.duration
    for index, row in enumerate(trace.rows):
        below = [other for other in trace.rows if other.parent == index]
        starts = [times.starts[at] for at, other in enumerate(trace.rows) if other.parent == index]
        assert row.children == len(below)
        assert starts == sorted(starts)
        if row.parent < 0:
            assert row.depth == 0
            continue
        above = trace.rows[row.parent]
        assert row.parent < index
        assert row.depth == above.depth + 1
        assert row.span is not None
        id_above = above.span.span_id if above.span else above.missing_id
        if row.span.parent_id != id_above or above.span is None:
            # Then it is the receiving side of a call whose calling side has the same id.
            assert row.span.kind in RECEIVING or row.span.parent_id == id_above
            assert id_above in (row.span.parent_id, row.span.span_id)
