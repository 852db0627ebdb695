"""The picture of what ran over the last hours."""

from dataclasses import replace

import pytest

from ops.versions.actions import History, InstanceVersion, ServiceVersions
from ops.versions.history import Period
from ops.vocabulary.timerange import HOUR, MINUTE
from opsportal.dashboard.charts import COLOURS
from opsportal.dashboard.clock import Clock
from opsportal.dashboard.lanes import Mark
from opsportal.dashboard.rollout_picture import HEIGHT, MARKS, SLOTS, Picture, length_of, picture

DAY = 20_000 * 24 * HOUR
END = DAY + 10 * HOUR
CLOCK = Clock(END)


def ran(*periods: tuple[str, str, int, int], total: int = 0) -> ServiceVersions:
    """A service with (instance, version, from, until) in minutes of 100."""
    start = END - 100 * MINUTE
    history = History(
        start,
        END,
        MINUTE,
        tuple(Period(i, v, start + a * MINUTE, start + b * MINUTE) for i, v, a, b in periods),
    )
    running = tuple(InstanceVersion(i, v) for i, v, _, until in periods if until == 100)
    return ServiceVersions("p", "petstore", running, total or len(running), history=history)


def drawn(service: ServiceVersions) -> Picture:
    found = picture(service, CLOCK, length_of([service]))
    assert found
    return found


def test_each_version_is_a_layer_the_oldest_lowest() -> None:
    found = drawn(ran(("a", "1.10", 0, 50), ("b", "1.10", 0, 100), ("a", "1.9", 50, 100)))

    assert [(bar.x, bar.width, bar.y, bar.height, bar.hue) for bar in found.bars] == [
        ("0", "50", "0.00", "32.00", 1),
        ("50", "50", "16.00", "16.00", 1),
        ("50", "50", "0.00", "16.00", 2),
    ]
    assert found.hues == {"1.10": 1, "1.9": 2}
    assert found.holes == ()
    assert (found.window, found.bars[2].title) == (
        "1 h 40 min",
        "1.9 on 1, 09:10:00 to 10:00:00 UTC",
    )


def test_a_hole_is_drawn_as_a_hole_and_said() -> None:
    found = drawn(ran(("a", "1", 0, 20), ("a", "1", 70, 100)))

    assert [(hole.x, hole.width) for hole in found.holes] == [("20", "50")]
    assert found.text == (
        "Instances of each version, UTC: from 08:20:00 1 on 1; from 08:40:00 no data; "
        "from 09:30:00 1 on 1"
    )


def test_a_missing_instance_leaves_its_place_empty() -> None:
    (bar,) = drawn(ran(("a", "1", 0, 100), total=2)).bars

    assert (bar.y, bar.height) == ("16.00", "16.00")


def test_a_version_that_goes_on_unchanged_is_one_bar() -> None:
    found = drawn(ran(("a", "1", 0, 100), ("b", "2", 20, 30), ("b", "2", 40, 50)))

    assert [bar.hue for bar in found.bars].count(1) == 1


def test_versions_beyond_the_last_hue_are_one_layer() -> None:
    many = [(f"i{number}", f"1.{number}", 0, 100) for number in range(COLOURS + 4)]

    found = drawn(ran(*many))

    assert len(found.bars) == COLOURS + 1
    assert found.bars[-1].hue == 0
    assert found.bars[-1].title.startswith("other versions on 4, ")
    assert round(sum(float(bar.height) for bar in found.bars)) == HEIGHT


def test_a_hostile_version_is_cut() -> None:
    found = drawn(ran(("a", "x" * 5_000, 0, 100)))

    assert len(found.text) < 200
    assert len(found.bars[0].title) < 200


def test_a_flapping_instance_is_drawn_in_few_bars() -> None:
    seconds = MINUTE // 60
    start = END - 100 * MINUTE
    flapping = [
        Period("a", "1", start + at * seconds, start + (at + 2) * seconds)
        for at in range(0, 6_000, 4)
    ]
    history = History(start, END, seconds, tuple(flapping))

    found = drawn(replace(ran(), history=history))

    assert len(found.bars) + len(found.holes) <= SLOTS
    assert sum(float(each.width) for each in (*found.bars, *found.holes)) == pytest.approx(100, 1)


def test_nothing_is_drawn_of_nothing() -> None:
    nothing = replace(ran(), history=None)
    assert picture(nothing, CLOCK, length_of([nothing])) is None


def test_all_services_are_drawn_over_the_time_that_is_known_of_any() -> None:
    young, younger, old = (
        ran(("a", "1", 60, 100)),
        ran(("a", "1", 90, 100)),
        ran(("a", "1", 0, 100)),
    )

    assert length_of([younger]) == 15 * MINUTE
    assert length_of([young, younger]) == HOUR
    assert length_of([young, old]) == 100 * MINUTE
    found = picture(younger, CLOCK, HOUR)
    assert found
    assert [(bar.x, bar.width) for bar in found.bars] == [("83.33", "16.67")]
    assert [(hole.x, hole.width) for hole in found.holes] == [("0", "83.33")]


def test_few_marks_of_what_else_happened_are_drawn_and_the_others_counted() -> None:
    start = END - 100 * MINUTE
    marks = [Mark(start + each * MINUTE, f"alert {each}") for each in range(100)]
    service = ran(("a", "1", 0, 100))

    found = picture(service, CLOCK, length_of([service]), marks)

    assert found
    assert len(found.marks) == MARKS
    x, first = found.marks[0]
    assert (x, first.text) == ("0.00", "alert 0 (and 3 more here)")
