"""Lanes: where bars, marks and holes are, what they say, and how few there are of many."""

import re

from ops.vocabulary.timerange import HOUR, MINUTE
from opsportal.dashboard.clock import Clock
from opsportal.dashboard.lanes import (
    FEW_SLOTS,
    LONGEST_TEXT,
    SEVERAL,
    SLOTS,
    Bar,
    Lane,
    Mark,
    Picture,
    picture,
)
from tests.alerts.making import NOON

START = NOON - HOUR


def minute(number: float) -> int:
    return START + round(number * MINUTE)


def draw(*lanes: Lane, at: int = 0, most: int = 40) -> Picture:
    return picture(lanes, START, NOON, Clock(NOON), at=at, most=most)


def bar(start: float, end: float, text: str = "firing", **given: str) -> Bar:
    return Bar(minute(start), minute(end), text, **given)


def test_a_bar_is_placed_in_percent_and_says_what_it_is() -> None:
    [lane] = draw(Lane("QueueDeep", (bar(15, 45, "QueueDeep is firing", tone="error"),))).lanes

    assert '<g class="bar error" role="img"><svg x="25.00%" width="50.00%">' in lane.drawn
    assert "<title>QueueDeep is firing</title>" in lane.drawn
    assert (lane.name, lane.text) == ("QueueDeep", "1 entry")


def test_what_began_before_or_ends_later_is_cut_at_the_edge_and_what_is_outside_is_not_drawn() -> (
    None
):
    [lane] = draw(Lane("", (bar(-30, 15), bar(45, 90), bar(-9, -5)), (Mark(NOON + 1, "x"),))).lanes

    assert re.findall(r'x="([\d.]+)%" width="([\d.]+)%"', lane.drawn) == [
        ("0.00", "25.00"),
        ("75.00", "25.00"),
    ]
    assert "<a" not in lane.drawn and 'class="at' not in lane.drawn


def test_what_is_shorter_than_can_be_seen_is_drawn_inside_the_edge() -> None:
    [lane] = draw(Lane("", (bar(60, 60),))).lanes

    assert 'x="99.75%" width="0.25%"' in lane.drawn


def test_a_link_opens_what_is_drawn_and_is_no_stop_for_the_keyboard() -> None:
    mark = Mark(minute(30), 'to "1.3.0"', url="/versions/?a=1&b=2", sign="⇧")
    [lane] = draw(Lane("petstore", marks=(mark,))).lanes

    assert '<a class="at calm" href="/versions/?a=1&amp;b=2" tabindex="-1">' in lane.drawn
    assert "<title>to &quot;1.3.0&quot;</title>" in lane.drawn
    assert 'x="50.00%"' in lane.drawn


def test_many_in_one_place_are_one_with_their_number() -> None:
    bars = [bar(30 + each / 10_000, 31, f"silence {each}") for each in range(2_000)]
    marks = [Mark(minute(each % 60), str(each)) for each in range(10_000)]
    [lane] = draw(Lane("", tuple(bars), tuple(marks))).lanes

    assert "silence 0 (and 1,999 more here)" in lane.drawn
    assert lane.drawn.count("<title>") <= 1 + SLOTS
    assert lane.text == "12,000 entries"


def test_signs_that_would_be_drawn_over_each_other_are_one() -> None:
    near = (Mark(minute(30.2), "a note", sign="✎"), Mark(minute(30), "ann has it", sign="●"))
    [lane] = draw(Lane("", marks=(*near, Mark(minute(32), "closed", sign="■")))).lanes

    titles = re.findall(r"<text[^>]*>(.)</text></svg><title>(.*?)</title>", lane.drawn)
    assert titles == [(SEVERAL, "ann has it; a note"), ("■", "closed")]
    assert lane.text == "3 entries"


def test_lanes_beyond_the_most_are_counted() -> None:
    drawn = draw(*(Lane(str(each)) for each in range(60)), most=20)

    assert (len(drawn.lanes), drawn.more) == (20, 40)
    assert drawn.lanes[0].text == "nothing"


def test_a_hole_is_drawn_as_one() -> None:
    drawn = draw(Lane("petstore", holes=((minute(-60), minute(15)), (minute(70), minute(80)))))

    assert re.findall(r'width="([\d.]+)%"><rect class="hole"', drawn.lanes[0].drawn) == ["25.00"]
    assert "not watched 10:00:00 to 11:15:00 UTC" in drawn.lanes[0].drawn
    assert drawn.has_holes


def test_a_label_is_written_where_it_fits() -> None:
    [lane] = draw(Lane("", (bar(0, 30, label="1.2.0"), bar(31, 32, label="1.3.0")))).lanes

    assert re.findall("<text[^>]*>([^<]*)", lane.drawn) == ["1.2.0"]


def test_a_moment_inside_is_marked() -> None:
    assert draw(at=minute(45)).at == "75.00"
    assert draw(at=minute(75)).at == ""
    assert draw().at == ""


def test_ticks_are_round_and_none_is_at_an_edge() -> None:
    assert [each.utc for each in draw().ticks] == ["11:15", "11:30", "11:45"]


def test_hostile_text_stays_text() -> None:
    text = "</title><script>alert(1)</script>\u202e" + "x" * 10_000
    each = Lane(text, (bar(0, 60, text, label=text, url='/"><script>'),), (Mark(START, text),))
    [lane] = draw(each).lanes

    assert "<script" not in lane.drawn
    assert "\u202e" not in lane.drawn
    assert len(lane.drawn) < 6 * LONGEST_TEXT


def test_many_lanes_have_fewer_bars_each() -> None:
    marks = tuple(Mark(minute(each / 10), str(each)) for each in range(600))
    few, many = draw(Lane("", marks=marks)), draw(*[Lane("", marks=marks)] * 20)

    assert few.lanes[0].drawn.count("<title>") == SLOTS
    assert many.lanes[0].drawn.count("<title>") == FEW_SLOTS
