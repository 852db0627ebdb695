"""What happens and when, by a driven clock."""

from opsportal.demo.prometheus import Silence
from opsportal.demo.rollouts import CYCLE, Order
from opsportal.demo.schedule import (
    DEAD_MAILER,
    LOCKED_STORE,
    WELL_MAILER,
    WELL_STORE,
    Scene,
    scene,
)


def is_calm(now: Scene) -> bool:
    well = (now.store, now.mailer) == (WELL_STORE, WELL_MAILER)
    alike = len({*now.releases}) == 1 and not now.releases[0].bad
    return well and alike and now.silence is Silence.NONE and not now.broken


def test_it_begins_calmly_and_has_an_incident_within_two_minutes() -> None:
    assert all(is_calm(scene(second)) for second in range(40))
    assert scene(40).mailer == DEAD_MAILER


def test_it_shows_everything_once_in_each_cycle() -> None:
    for start in (0, CYCLE, 7 * CYCLE):
        seen = [scene(start + second) for second in range(CYCLE)]
        assert {each.mailer for each in seen} == {WELL_MAILER, DEAD_MAILER}
        assert {each.store for each in seen} == {WELL_STORE, LOCKED_STORE}
        assert sum(each.silence is not Silence.NONE for each in seen) == 60
        assert sum(each.broken for each in seen) == 45
        assert len({release for each in seen for release in each.releases}) == 3
        assert is_calm(seen[0]) and is_calm(seen[-1])


def test_it_has_one_trouble_at_a_time_and_calm_between_them() -> None:
    seen = [scene(second) for second in range(CYCLE)]
    assert all(
        (each.store != WELL_STORE)
        + (each.mailer != WELL_MAILER)
        + each.broken
        + (each.silence is not Silence.NONE)
        + any(release.bad for release in each.releases)
        <= 1
        for each in seen
    )
    assert sum(map(is_calm, seen)) > CYCLE / 3


def test_a_source_is_silent_in_another_way_in_each_second_cycle() -> None:
    assert [scene(cycle * CYCLE + 420).silence for cycle in range(4)] == [
        Silence.FROZEN,
        Silence.STARTING,
        Silence.FROZEN,
        Silence.STARTING,
    ]


def test_it_follows_orders() -> None:
    assert scene(10, [Order(5, bad=True)]).releases[0].bad
    assert not scene(10).releases[0].bad
