import random
from collections import Counter
from collections.abc import Iterator

import pytest

from ops.traces.comparing import Comparison, Difference, compare
from ops.traces.own_time import own_stretches
from ops.traces.paths import MISSING_PARENT
from ops.traces.trace import Trace
from ops.vocabulary.spans import Span
from tests.traces.making import span, tree

OPPOSITE = {
    "new": "missing", "missing": "new", "slower": "faster", "faster": "slower", "same": "same",
}  # fmt: skip


def said(comparison: Comparison) -> list[tuple[str, str, tuple[int, int], int]]:
    """Kind, path, counts and what is explained, of all but what is the same."""
    return [
        (each.kind, " > ".join(each.path), each.counts, each.explains)
        for each in comparison.differences
        if each.kind != "same"
    ]


def loop(times: int, each: int = 10) -> Trace:
    queries = (
        span(f"{number:x}", "a0", operation="SELECT", start=number * 100, duration=each)
        for number in range(times)
    )
    return tree(span("a0", operation="List", duration=times * 100), *queries)


def test_it_finds_what_is_slower_and_what_is_new_and_sorts_by_what_they_explain() -> None:
    first = tree(
        span("root", duration=100),
        span("cache", "root", start=10, duration=10),
        span("query", "root", start=30, duration=40),
        span("old", "root", start=80, duration=5),
    )
    second = tree(
        span("root", duration=1000),
        span("cache", "root", start=10, duration=10),
        span("query", "root", start=30, duration=900),
        span("retry", "query", start=100, duration=800),
    )

    found = compare(first, second)

    assert said(found) == [
        ("new", "root > query > retry", (0, 1), 800),
        ("slower", "root > query", (1, 1), 60),
        ("slower", "root", (1, 1), 45),
        ("missing", "root > old", (1, 0), -5),
    ]
    assert found.longer == 900 == sum(each.explains for each in found.differences)
    assert found.main == found.differences[0]
    assert found.differences[1].durations == (40, 900)
    assert found.differences[1].owns == (40, 100)


def test_a_loop_that_runs_twice_more_has_two_new() -> None:
    assert said(compare(loop(50), loop(52))) == [
        ("slower", "List", (1, 1), 180),
        ("new", "List > SELECT", (0, 2), 20),
    ]


def test_what_hangs_below_the_same_turn_of_a_loop_is_matched_by_position() -> None:
    def turns(retried: str) -> Trace:
        return tree(
            span("root", duration=100),
            span("1", "root", operation="turn", start=10, duration=20),
            span("2", "root", operation="turn", start=50, duration=20),
            span("retry", retried, start=55, duration=10),
        )

    found = compare(turns("1"), turns("2"))

    assert {(kind, counts) for kind, path, counts, _ in said(found) if "retry" in path} == {
        ("missing", (1, 0)),
        ("new", (0, 1)),
    }


def test_the_row_that_differs_most_stands_for_its_operation() -> None:
    first = tree(span("root", duration=50), *calls(10, 10, 10))
    second = tree(span("root", duration=50), *calls(10, 35, 12))

    [slower] = [each for each in compare(first, second).differences if each.operation == "call"]

    assert slower.rows == (2, 2)


def calls(*durations: int) -> Iterator[Span]:
    for number, each in enumerate(durations):
        yield span(f"c{number}", "root", operation="call", start=number, duration=each)


def test_a_hundred_calls_at_once_explain_no_more_than_the_whole() -> None:
    def fan(each: int) -> Trace:
        calls = (span(f"{n:x}", "a0", operation="call", duration=each) for n in range(100))
        return tree(span("a0", operation="all", duration=each), *calls)

    found = compare(fan(1_000), fan(2_000))

    [slower] = [each for each in found.differences if each.kind == "slower"]
    assert (slower.owns[1] - slower.owns[0], slower.explains) == (100_000, 1_000)
    assert found.main == slower


def test_it_says_which_errors_are_new_and_which_are_gone() -> None:
    first = tree(span("root", error=True), span("a", "root", error=True), span("b", "root"))
    second = tree(span("root", error=True), span("a", "root"), span("b", "root", error=True))

    found = compare(first, second)

    assert [error.operation for error in found.new_errors] == ["b"]
    assert [error.operation for error in found.vanished_errors] == ["a"]


def test_what_failed_in_a_new_span_is_new() -> None:
    first = tree(span("root"))
    second = tree(span("root"), span("a", "root", error=True, message="too late"))

    assert [error.sentence for error in compare(first, second).new_errors] == ["a: too late"]


def test_nothing_explains_traces_that_took_equally_long() -> None:
    assert compare(loop(3), loop(3)).main is None


def test_missing_parents_correspond_and_are_no_difference_themselves() -> None:
    first = tree(span("a", "gone", duration=10))
    second = tree(span("a", "lost", duration=20))

    found = compare(first, second)

    assert said(found) == [("slower", f"{MISSING_PARENT} > a", (1, 1), 10)]


def test_several_roots_and_services_of_one_operation_are_kept_apart() -> None:
    first = tree(span("a", operation="x"), span("b", operation="x", service="store"))
    second = tree(span("a", operation="x", service="store"), span("b", operation="x", start=1))

    assert {each.kind for each in compare(first, second).differences} == {"same"}


def test_a_chain_of_ten_thousand_levels_is_compared() -> None:
    def chain(last: int) -> Trace:
        depth = 10_000
        spans = [span(f"{n:x}", f"{n - 1:x}" if n else "", duration=100) for n in range(depth)]
        return tree(*spans, span("end", f"{depth - 1:x}", duration=last))

    found = compare(chain(0), chain(90))

    assert {each.kind for each in found.differences} == {"same", "slower", "faster"}
    assert max(len(each.path) for each in found.differences) == 41


def test_circles_are_compared_as_the_tree_broke_them() -> None:
    circle = tree(span("a", "b", duration=5), span("b", "a", duration=9))

    assert said(compare(circle, circle)) == []


def test_it_is_what_the_definition_says() -> None:
    for seed in range(300):
        source = random.Random(seed)
        first, second = random_trace(source), random_trace(source)

        found = compare(first, second)

        assert summed(found) == by_definition(first, second), seed
        covered = len(moments(second)) - len(moments(first))
        assert sum(each.explains for each in found.differences) == pytest.approx(
            covered, abs=len(found.differences)
        ), seed
        back = compare(second, first)
        assert set(map(mirrored, back.differences)) == set(map(plain, found.differences)), seed
        errors = (found.vanished_errors, found.new_errors)
        assert (back.new_errors, back.vanished_errors) == errors, seed
        same = compare(first, first).differences
        assert {each.kind for each in same} == {"same"}, seed
        assert not any(each.explains for each in same), seed


def plain(each: Difference) -> tuple[object, ...]:
    return each.path, each.service, each.kind, each.counts, each.owns, each.explains


def mirrored(each: Difference) -> tuple[object, ...]:
    kind = OPPOSITE[each.kind]
    return each.path, each.service, kind, each.counts[::-1], each.owns[::-1], -each.explains


def random_trace(source: random.Random) -> Trace:
    """Few names, so that many correspond; some begin before their parent, outlive or lack it."""
    spans = [span("0", duration=source.randint(20, 40), operation="root")]
    for number in range(1, source.randint(1, 14)):
        parent = "lost" if source.random() < 0.05 else f"{source.randrange(number):x}"
        spans.append(
            span(
                f"{number:x}",
                "" if source.random() < 0.05 else parent,
                service=source.choice(("petstore", "store")),
                operation=source.choice("xyz"),
                start=source.randint(0, 40),
                duration=source.randint(0, 20),
                error=source.random() < 0.3,
            )
        )
    return tree(*spans)


Key = tuple[tuple[object, ...], bool, bool]


def summed(comparison: Comparison) -> dict[Key, int]:
    found: Counter[Key] = Counter()
    for each in comparison.differences:
        key = (each.path, each.service, each.operation), each.counts[0] > 0, each.counts[1] > 0
        found[key] += sum(each.owns) + 1000 * sum(each.counts)
    return dict(found)


def by_definition(first: Trace, second: Trace) -> dict[Key, int]:
    """Pair children recursively, then count."""
    found: Counter[Key] = Counter()
    traces = first, second

    def below(trace: Trace, parent: int) -> list[int]:
        return [row for row, above in enumerate(trace.rows.parents) if above == parent]

    def note(rows: tuple[int | None, int | None], path: tuple[str, ...]) -> None:
        for trace, row in zip(traces, rows, strict=True):
            if row is not None and (name := trace.rows.names()[row]):
                key = (path, *name), rows[0] is not None, rows[1] is not None
                found[key] += trace.timing.own[row] + 1000

    def walk(parents: tuple[int | None, int | None], path: tuple[str, ...]) -> None:
        children = [
            [] if parent is None else below(trace, parent)
            for trace, parent in zip(traces, parents, strict=True)
        ]
        names = [
            [trace.rows.names()[row] for row in rows]
            for trace, rows in zip(traces, children, strict=True)
        ]
        for name in {*names[0], *names[1]}:
            named = [
                [row for row, each in zip(rows, called, strict=True) if each == name]
                for rows, called in zip(children, names, strict=True)
            ]
            steps = (*path, name[1] if name else MISSING_PARENT)
            for number in range(max(map(len, named))):
                pair = tuple(rows[number] if number < len(rows) else None for rows in named)
                note((pair[0], pair[1]), steps)
                walk((pair[0], pair[1]), steps)

    walk((-1, -1), ())
    return dict(found)


def moments(trace: Trace) -> set[int]:
    """The moments in which any span of the trace ran."""
    times = trace.rows.times()
    return {
        moment
        for row, name in enumerate(trace.rows.names())
        if name
        for start, end in own_stretches(times, row)
        for moment in range(start, end)
    }
