"""The picture of the traces found: where marks, levels and ticks stand, and what they say."""

import re
from collections.abc import Sequence
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest

from ops.vocabulary.summaries import TraceSummary
from ops.vocabulary.timerange import DAY, HOUR, MILLISECOND, MINUTE, SECOND, parse_moment
from opsportal.dashboard.clock import Clock
from opsportal.dashboard.lanes import Mark
from opsportal.dashboard.scatter import Scatter, scatter

END = parse_moment("2026-11-24T14:20:00Z").nanoseconds
UTC, PARIS = Clock(END), Clock(END, ZoneInfo("Europe/Paris"))


def found(
    duration: int, before: int = MINUTE, *, failed: int = 0, name: str = "Add"
) -> TraceSummary:
    return TraceSummary(
        trace_id=f"{duration:032x}",
        start=END - before - HOUR,
        duration=duration,
        service="petstore",
        operation=name,
        span_count=2,
        error_count=failed,
        services=("petstore",),
        matched=END - before,
        matched_from=END - before,
    )


def draw(*durations: int, clock: Clock = UTC, long: int = HOUR, end: int = END) -> Scatter:
    return scatter([found(each) for each in durations], end - long, end, clock)


def levels(drawn: Scatter) -> list[str]:
    return [text for _, text in drawn.levels]


def test_a_mark_stands_at_its_time_and_duration() -> None:
    traces = [found(10 * MILLISECOND, 45 * MINUTE), found(SECOND, 15 * MINUTE)]
    drawn = scatter(traces, END - HOUR, END, UTC)

    assert re.findall(r'cx="([\d.]+)%"', drawn.marks) == ["25.00", "75.00"]
    low, high = (float(y) for y in re.findall(r'cy="([\d.]+)%"', drawn.marks))
    assert 0 < high < 10
    assert 90 < low < 100
    heights = {text: float(y) for y, text in drawn.levels}
    assert heights["100 ms"] == pytest.approx((low + high) / 2, abs=0.02)
    assert low == pytest.approx(heights["10 ms"], abs=0.02)


def test_failing_ones_are_triangles_and_lie_on_top() -> None:
    drawn = scatter([found(5, failed=1_200), found(7)], END - HOUR, END, UTC)

    assert re.findall("<(circle|path)", drawn.marks) == ["circle", "path"]
    assert "5 ns · petstore Add, 1,200 failed · 14:19:00.000 UTC" in drawn.marks


def test_a_mark_opens_its_trace_and_is_no_stop_for_the_keyboard() -> None:
    drawn = draw(5)

    assert f'<a href="{5:032x}/" tabindex="-1">' in drawn.marks


def test_hostile_names_stay_text() -> None:
    name = "</title><script>alert(1)</script>\u202e" + "x" * 10_000
    drawn = scatter([found(5, name=name)], END - HOUR, END, UTC)

    assert "<script" not in drawn.marks
    assert "\u202e" not in drawn.marks
    assert len(drawn.marks) < 500


@pytest.mark.parametrize(
    ("durations", "expected"),
    [
        ((40 * MILLISECOND, 44 * MILLISECOND), ["20 ms", "50 ms", "100 ms"]),
        ((38 * MILLISECOND, 1310 * MILLISECOND), ["100 ms", "300 ms", "1 s"]),
        ((MILLISECOND, 9 * SECOND), ["1 ms", "100 ms", "10 s"]),
        ((SECOND, 5 * MINUTE), ["1 s", "10 s", "1 min"]),
        ((2 * SECOND, 5 * HOUR), ["10 s", "1 min", "10 min", "1 h"]),
        ((0,), ["1 ns", "3 ns", "10 ns"]),
        ((0, SECOND), ["500 ms", "1 s", "2 s"]),
    ],
)
def test_levels_are_few_and_round(durations: Sequence[int], expected: list[str]) -> None:
    assert levels(draw(*durations)) == expected


@pytest.mark.parametrize("exponent", range(19))
def test_whatever_is_found_lies_within_the_plot(exponent: int) -> None:
    drawn = draw(0, 1, 10**exponent)

    assert all(0 <= float(y) <= 100 for y in re.findall(r'cy="([-\d.]+)%"', drawn.marks))
    assert 3 <= len(drawn.levels) <= 7


@pytest.mark.parametrize(
    ("long", "expected"),
    [
        (HOUR, ["13:30", "13:45", "14:00", "14:15"]),
        (MINUTE, ["14:19:15", "14:19:30", "14:19:45", "14:20:00"]),
        (400 * MILLISECOND, [":59.7", ":59.8", ":59.9", ":00.0"]),
        (DAY, ["18:00", "24 Nov", "06:00", "12:00"]),
        (400 * DAY, ["16 Feb", "27 May", "4 Sep"]),
    ],
)
def test_ticks_are_round_times(long: int, expected: list[str]) -> None:
    assert [tick.utc for tick in draw(5, long=long).ticks] == expected


@pytest.mark.parametrize("long", [1, 20, 3_000, SECOND, 7 * MINUTE, 13 * HOUR, 9 * DAY, END])
def test_ticks_are_few_whatever_the_range(long: int) -> None:
    ticks = draw(5, long=long).ticks

    assert 1 <= len(ticks) <= 5
    assert all(float(one.x) < float(other.x) <= 100 for one, other in pairwise(ticks))


def test_the_viewers_zone_stands_below_where_it_is_known() -> None:
    kolkata = Clock(END, ZoneInfo("Asia/Kolkata"))

    assert {tick.here for tick in draw(5).ticks} == {""}
    assert [tick.here for tick in draw(5, clock=kolkata).ticks] == [
        "19:00", "19:15", "19:30", "19:45",
    ]  # fmt: skip


def test_summer_time_may_begin_within_the_range() -> None:
    end = parse_moment("2026-03-29T02:10:00Z").nanoseconds
    ticks = draw(5, clock=PARIS, long=2 * HOUR, end=end).ticks

    assert [(tick.utc, tick.here) for tick in ticks] == [
        ("00:30", "01:30"), ("01:00", "03:00"), ("01:30", "03:30"), ("02:00", "04:00"),
    ]  # fmt: skip


def test_what_else_happened_is_a_line_into_the_time_line() -> None:
    marks = [
        Mark(END - 15 * MINUTE, "petstore started to run 1.3.0", "warn", "/timeline/", "⇧"),
        Mark(END - 2 * HOUR, "too early"),
    ]
    drawn = scatter([found(5)], END - HOUR, END, UTC, marks)

    assert drawn.moments == [("75.00", marks[0])]
