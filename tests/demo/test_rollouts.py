"""Which release each petstore runs, by a driven clock."""

import pytest

from opsportal.demo.rollouts import CYCLE, Order, releases


def versions(since: float, *orders: Order) -> str:
    return " ".join(f"{each.version}{'!' if each.bad else ''}" for each in releases(since, orders))


@pytest.mark.parametrize(
    ("since", "said"),
    [
        (0, "1.2.0 1.2.0 1.2.0"),
        (134, "1.2.0 1.2.0 1.2.0"),
        (135, "1.3.0 1.2.0 1.2.0"),
        (155, "1.3.0 1.3.0 1.2.0"),
        (175, "1.3.0 1.3.0 1.3.0"),
        (240, "1.3.1! 1.3.0 1.3.0"),
        (265, "1.3.1! 1.3.1! 1.3.0"),
        (339, "1.3.1! 1.3.1! 1.3.0"),
        (340, "1.3.0 1.3.1! 1.3.0"),
        (355, "1.3.0 1.3.0 1.3.0"),
        (CYCLE + 134, "1.3.0 1.3.0 1.3.0"),
        (CYCLE + 135, "1.4.0 1.3.0 1.3.0"),
        (CYCLE + 265, "1.4.1! 1.4.1! 1.4.0"),
        (100 * CYCLE, "1.102.0 1.102.0 1.102.0"),
    ],
)
def test_it_rolls_out_and_back_with_new_versions_in_each_cycle(since: float, said: str) -> None:
    assert versions(since) == said


def test_it_begins_an_ordered_bad_rollout_at_once_and_ends_it() -> None:
    bad, good = Order(10, bad=True), Order(100, bad=False)
    assert versions(10, bad) == "1.2.1! 1.2.0 1.2.0"
    assert versions(25, bad) == "1.2.1! 1.2.1! 1.2.0"
    assert versions(40, bad) == "1.2.1! 1.2.1! 1.2.1!"
    assert versions(100, bad, good) == "1.2.0 1.2.1! 1.2.1!"
    assert versions(130, bad, good) == "1.2.0 1.2.0 1.2.0"


def test_it_stays_bad_until_the_good_release_is_ordered() -> None:
    bad = Order(10, bad=True)
    assert versions(3 * CYCLE, bad) == "1.2.1! 1.2.1! 1.2.1!"
    assert versions(3 * CYCLE, bad, Order(20, bad=True)) == "1.2.1! 1.2.1! 1.2.1!"
    good = Order(3 * CYCLE, bad=False)
    assert versions(3 * CYCLE + 30, bad, good) == "1.2.0 1.2.0 1.2.0"
    assert versions(3 * CYCLE + 175, bad, good) == "1.3.0 1.3.0 1.3.0"


def test_it_stops_a_rollout_where_it_is_when_the_next_one_begins() -> None:
    bad, good = Order(10, bad=True), Order(20, bad=False)
    assert versions(25, bad, good) == "1.2.0 1.2.0 1.2.0"
    assert versions(60, bad, good) == "1.2.0 1.2.0 1.2.0"


def test_it_ends_a_bad_release_of_the_schedule_by_order_too() -> None:
    good = Order(270, bad=False)
    assert versions(269) == "1.3.1! 1.3.1! 1.3.0"
    assert versions(285, good) == versions(350, good) == "1.3.0 1.3.0 1.3.0"
    assert versions(CYCLE + 240, good) == "1.4.1! 1.4.0 1.4.0"


def test_it_gives_each_bad_release_a_version_of_its_own() -> None:
    orders = Order(190, bad=True), Order(200, bad=False), Order(250, bad=True)
    assert versions(192, *orders[:1]) == "1.3.1! 1.3.0 1.3.0"
    assert versions(245, *orders[:2]) == "1.3.2! 1.3.0 1.3.0"
    assert versions(300, *orders) == "1.3.3! 1.3.3! 1.3.3!"


def test_it_ignores_an_order_for_the_good_release_that_runs() -> None:
    assert versions(172, Order(140, bad=False)) == versions(172) == "1.3.0 1.3.0 1.2.0"
