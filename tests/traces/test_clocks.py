"""Clocks that differ."""

from ops.traces.trace import Trace
from ops.vocabulary.timerange import HOUR, MICROSECOND, MILLISECOND, MINUTE, SECOND
from tests.traces.making import START, span, times, tree

NEVER = -START  # from START: the time 0
IN_2262 = 2**63 - 1 - START


def about_clocks(trace: Trace) -> list[str]:
    return [each for each in trace.warnings if "clock" in each or "begin" in each]


def test_microseconds_are_not_worth_a_word() -> None:
    trace = tree(
        span("root", start=900 * MICROSECOND, duration=SECOND, process={"host": "a"}),
        span("child", "root", process={"host": "b"}),
    )

    assert not about_clocks(trace)
    assert not trace.clocks.skews


def test_parents_in_a_circle_say_nothing_of_clocks() -> None:
    ring = [
        span(
            f"r{n}", f"r{(n + 1) % 5}", start=n * SECOND, duration=SECOND, process={"host": str(n)}
        )
        for n in range(5)
    ]
    trace = tree(span("root", duration=9 * SECOND), *ring, span("x", "r2", start=7 * SECOND))

    assert not about_clocks(trace)
    assert trace.warnings == ("spans whose parents form a cycle, shown as roots: r0",)


def test_one_clock_that_times_a_child_early_is_not_said_to_differ() -> None:
    trace = tree(
        span("root", start=5 * MILLISECOND, process={"host": "a"}),
        span("early", "root", process={"host": "a"}, service="other"),
    )

    assert about_clocks(trace) == [
        "1 span starts before its parent by up to 5 ms, although one clock timed them"
    ]
    assert not trace.clocks.skews


def test_a_clock_that_is_behind_is_named_and_moved_as_a_whole() -> None:
    web, shop = {"host": "web"}, {"host": "shop"}
    spans = (
        span("root", duration=10 * MILLISECOND, service="web", process=web),
        span("a", "root", start=-2 * HOUR, duration=MILLISECOND, service="shop", process=shop),
        span("aa", "a", start=-2 * HOUR + 50, duration=100, service="shop", process=shop),
        span("b", "root", start=-2 * HOUR + 5, duration=MILLISECOND, service="tax", process=shop),
        span("back", "b", start=30, duration=5, service="web", process=web),
    )
    before, after = tree(*spans), tree(*spans, moved=True)

    assert [each.sentence for each in before.clocks.skews] == [
        "the clock of shop is 2 h behind that of web"
    ]
    assert about_clocks(before) == [
        "the clock of shop is 2 h behind that of web: 2 spans start before their parents"
    ]
    assert (before.start, before.duration) == (START - 2 * HOUR, 2 * HOUR + 10 * MILLISECOND)
    assert times(after) == {
        "root": (0, 10 * MILLISECOND),
        "a": (0, MILLISECOND),
        "aa": (50, 100),
        "b": (5, MILLISECOND),
        "back": (30, 5),
    }
    assert (after.start, after.duration) == (START, 10 * MILLISECOND)
    assert after.clocks.skews == before.clocks.skews


def test_both_sides_of_a_call_say_where_between_them_the_clock_is() -> None:
    trace = tree(
        span("c", duration=100 * MILLISECOND, service="shop", kind="client"),
        span("s", "c", start=-20 * MILLISECOND, duration=60 * MILLISECOND, service="bank",
             kind="server"),
        span("in", "s", start=-10 * MILLISECOND, duration=MILLISECOND, service="bank"),
        moved=True,
    )  # fmt: skip

    assert times(trace)["s"] == (20 * MILLISECOND, 60 * MILLISECOND)
    assert times(trace)["in"] == (30 * MILLISECOND, MILLISECOND)


def test_a_server_that_begins_when_its_call_has_ended_is_ahead() -> None:
    call = span("c", duration=100 * MILLISECOND, service="shop", kind="client")
    answer = span("s", "c", start=90 * SECOND, duration=60 * MILLISECOND, service="bank",
                  kind="server")  # fmt: skip

    (skew,) = tree(call, answer).clocks.skews
    assert skew.sentence == "the clock of bank is 1 min ahead of that of shop" or skew.ahead > 0
    assert times(tree(call, answer, moved=True))["s"] == (20 * MILLISECOND, 60 * MILLISECOND)


def test_what_runs_after_its_parent_is_not_pulled_into_it() -> None:
    spans = (
        span("send", duration=10 * MILLISECOND, service="web", process={"host": "a"}),
        span("work", "send", start=30 * SECOND, duration=MILLISECOND, service="worker",
             process={"host": "b"}),
        span("behind", "send", start=-MINUTE, service="other", process={"host": "c"}),
    )  # fmt: skip

    assert times(tree(*spans, moved=True))["work"] == (30 * SECOND, MILLISECOND)
    assert times(tree(*spans, moved=True))["behind"] == (0, 0)


def test_without_host_or_instance_each_part_of_the_tree_has_its_own_clock() -> None:
    spans = (
        span("root", duration=SECOND, service="web"),
        span("good", "root", start=10, duration=5, service="shop"),
        span("bad", "root", start=-HOUR, duration=5, service="shop"),
        span("bad too", "bad", start=-HOUR + 1, duration=2, service="shop"),
    )
    trace = tree(*spans, moved=True)

    assert times(trace) == {"root": (0, SECOND), "good": (10, 5), "bad": (0, 5), "bad too": (1, 2)}


def test_where_the_time_went_works_on_aligned_clocks() -> None:
    spans = (
        span("root", duration=100, service="web", process={"host": "a"}),
        span("slow", "root", start=-HOUR, duration=90, service="shop", process={"host": "b"}),
    )

    assert not any("shop" in each for each in tree(*spans).timing.sentences)
    assert "90% in shop slow, 90 ns" in tree(*spans, moved=True).timing.sentences


def test_the_same_warning_is_said_once() -> None:
    warned = [
        span(f"s{n}", warnings=(f"adjusted by {n}.5ms", "cut", f"kind {'ab'[n % 2]}"), start=n)
        for n in range(4)
    ]

    assert tree(*warned).warnings[:4] == (
        "adjusted by 0.5ms (and 3 more like it)", "cut (4 times)", "kind a (2 times)",
        "kind b (2 times)",
    )  # fmt: skip
