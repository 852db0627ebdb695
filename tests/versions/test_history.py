"""What a history says, from points of a range or from periods."""

from ops.versions.history import History, Period, Stretch, from_points
from ops.vocabulary.timerange import MINUTE


def points(*minutes: int) -> list[int]:
    return [minute * MINUTE for minute in minutes]


def history(*series: tuple[str, str, list[int]], end: int = 10) -> History:
    return from_points(series, start=0, end=end * MINUTE, step=MINUTE)


def counts(found: History) -> list[tuple[int, int, dict[str, int]]]:
    return [
        (each.start // MINUTE, each.end // MINUTE, dict(each.counts)) for each in found.stretches()
    ]


def test_points_become_periods_that_end_a_step_after_the_last() -> None:
    found = history(("a", "1", points(0, 1, 2, 7, 8)), ("b", "2", points(9, 10)))

    assert found.periods == (
        Period("a", "1", 0, 3 * MINUTE),
        Period("a", "1", 7 * MINUTE, 9 * MINUTE),
        Period("b", "2", 9 * MINUTE, 10 * MINUTE),
    )


def test_what_was_not_seen_at_the_last_step_has_ended() -> None:
    found = history(("a", "1", points(7, 8, 9)), ("a", "2", points(10)))

    assert found.goes_on().keys() == {("a", "2")}
    assert counts(found)[-1] == (10, 10, {"2": 1})


def test_several_series_of_one_instance_and_version_are_one() -> None:
    found = history(("a", "1", points(0, 1)), ("a", "1", points(1, 2)))

    assert found.periods == (Period("a", "1", 0, 3 * MINUTE),)


def test_what_is_there_from_the_start_on_may_be_older() -> None:
    found = history(("a", "1", points(0, 1)), ("a", "2", points(2, 3)), ("b", "2", points(4)))

    assert (found.first_seen("1"), found.first_seen("2")) == (0, 2 * MINUTE)
    assert found.first_seen("3") == 0


def test_it_counts_what_ran_over_time_with_its_holes() -> None:
    found = history(
        ("a", "1", points(0, 1, 2, 5)), ("b", "1", points(0, 1)), ("b", "2", points(2, 5))
    )

    assert counts(found) == [
        (0, 2, {"1": 2}),
        (2, 3, {"1": 1, "2": 1}),
        (3, 5, {}),
        (5, 6, {"1": 1, "2": 1}),
        (6, 10, {}),
    ]
    assert counts(history()) == [(0, 10, {})]


def test_it_goes_on_to_a_later_moment() -> None:
    found = history(
        ("a", "1", points(9, 10)),
        ("b", "1", points(9, 10)),
        ("c", "1", points(3)),
        ("d", "1", points(9, 10)),
    )

    later = found.until(12 * MINUTE, [("a", "1"), ("b", "2")])

    assert later.end == 12 * MINUTE
    assert sorted(later.periods, key=lambda each: (each.instance, each.version)) == [
        Period("a", "1", 9 * MINUTE, 12 * MINUTE),
        Period("b", "1", 9 * MINUTE, 12 * MINUTE - 1),
        Period("b", "2", 12 * MINUTE, 12 * MINUTE),
        Period("c", "1", 3 * MINUTE, 4 * MINUTE),
        Period("d", "1", 9 * MINUTE, 10 * MINUTE),
    ]
    assert later.first_seen("2") == 12 * MINUTE
    assert later.stretches()[-1] == Stretch(12 * MINUTE, 12 * MINUTE, {"1": 1, "2": 1})


def test_a_restart_is_no_change() -> None:
    found = history(("a", "1", points(0, 1, 4, 5, 6, 7, 8, 9, 10)))
    longer = history(("a", "1", points(0, 1, 7, 8, 9, 10)))

    assert counts(found.steady()) == [(0, 10, {"1": 1})]
    assert counts(longer.steady()) == counts(longer) != [(0, 10, {"1": 1})]


def test_an_instance_that_ran_something_else_meanwhile_was_not_restarted() -> None:
    found = history(("a", "2", points(0, 1, 5, 6, 7, 8, 9, 10)), ("a", "1", points(2, 3, 4)))

    assert counts(found.steady()) == [(0, 2, {"2": 1}), (2, 5, {"1": 1}), (5, 10, {"2": 1})]
