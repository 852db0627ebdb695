"""What the periods of alerts say together: episodes, strips, holes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pytest_django import Settings

from ops.alerts import history
from ops.alerts.group_strips import StripOf, strips
from ops.alerts.history import (
    HOLE,
    MOST_PERIODS,
    Episode,
    Seen,
    Strip,
    holes,
    past_of,
    window,
)
from ops.alerts.intervals import between, both, joined
from ops.alerts.models import AlertPeriod
from ops.vocabulary.alerts import FIRING, PENDING, Alert
from ops.vocabulary.timerange import HOUR, MINUTE, SECOND
from tests.alerts.making import NOON, alert
from tests.alerts.past import SITE, answered, period, watched

DEEP = alert("QueueDeep", {"pod": "one"})
LENGTH = 6 * HOUR
INTERVALS = st.lists(st.tuples(st.integers(0, 50), st.integers(1, 9)), max_size=8).map(
    lambda pairs: joined((start, start + length) for start, length in pairs)
)


@pytest.fixture(autouse=True)
def polls(settings: Settings) -> None:
    settings.POLL_SECONDS = 5


def ago(minutes: float) -> int:
    return NOON - round(minutes * MINUTE)


def minutes(strip: Strip, state: str = "") -> list[tuple[str, float, float]]:
    """The stretches of a strip, or its holes, in minutes before noon."""
    drawn = strip.holes if state == HOLE else strip.stretches
    return [(e.state, (NOON - e.start) / MINUTE, (NOON - e.end) / MINUTE) for e in drawn]


def test_periods_without_a_gap_are_one_episode() -> None:
    found = past_of(
        [
            Seen(PENDING, ago(60), ago(59)),
            Seen(FIRING, ago(59), ago(50)),
            Seen(FIRING, ago(50), ago(40)),
            Seen(PENDING, ago(30), ago(29)),
            Seen(PENDING, ago(10), ago(9)),
            Seen(FIRING, ago(9), None),
        ],
        (),
        NOON,
    )
    assert found.episodes == (
        Episode(ago(10), ago(9), None),
        Episode(ago(30), 0, ago(29)),
        Episode(ago(60), ago(59), ago(40)),
    )
    assert (found.fired, found.firing, found.last) == (2, 28 * MINUTE, ago(9))
    assert found.median == 14 * MINUTE


@pytest.mark.parametrize(
    ("active_at", "episodes"),
    [
        (ago(25), [Episode(ago(20), 0, None), Episode(ago(60), ago(60), ago(30))]),
        (ago(60), [Episode(ago(60), ago(60), None)]),
    ],
)
def test_what_started_in_a_hole_is_another_episode(active_at: int, episodes: list[Episode]) -> None:
    seen = [Seen(FIRING, ago(60), ago(20), ago(60)), Seen(PENDING, ago(20), None, active_at)]
    assert past_of(seen, [(ago(30), ago(20))], NOON).episodes == tuple(episodes)


def test_an_alert_without_a_past_has_none() -> None:
    assert past_of([], (), NOON) == history.Past()


@pytest.mark.django_db
def test_of_an_alert_that_comes_and_goes_the_newest_is_read() -> None:
    AlertPeriod.objects.bulk_create(
        AlertPeriod(
            site=SITE, key=DEEP.fingerprint, state=FIRING, start=NOON - n * 9, end=NOON - n * 9 + 4,
            name=DEEP.name, group="", labels={}, annotations={}, sources=[], active_at=0,
        )
        for n in range(MOST_PERIODS + 2)
    )  # fmt: skip
    found = history.past(SITE, DEEP.fingerprint, (), NOON)
    assert len(found.episodes) == MOST_PERIODS
    assert found.last == NOON
    assert found.cut


@given(INTERVALS, INTERVALS)
def test_intervals_are_sets_of_moments(
    some: list[tuple[int, int]], others: list[tuple[int, int]]
) -> None:
    def moments(intervals: list[tuple[int, int]]) -> set[int]:
        return {at for start, end in intervals for at in range(start, end)}

    assert moments(both(some, others)) == moments(some) & moments(others)
    assert moments(between(some, 5, 40)) == {*range(5, 40)} - moments(some)


def test_a_strip_moves_on_in_steps() -> None:
    one, later = window(NOON + SECOND, LENGTH), window(NOON + 4 * MINUTE, LENGTH)
    assert one == later == Strip(NOON + 5 * MINUTE - LENGTH, NOON + 5 * MINUTE)


@pytest.mark.django_db
def test_the_strip_of_a_name_shows_those_that_have_ended_too() -> None:
    other = alert("QueueDeep", {"pod": "two"})
    watched(ago(1_000), NOON + HOUR, "prometheus")
    period(DEEP, PENDING, ago(40), ago(30))
    period(DEEP, FIRING, ago(30), None)
    period(other, FIRING, ago(120), ago(90))
    period(other, FIRING, ago(900), ago(800))
    period(alert("Other"), FIRING, ago(70), ago(60))
    of = {
        "name": StripOf(names=("QueueDeep",), sources=("prometheus",)),
        "one": StripOf(fingerprints=(DEEP.fingerprint,), sources=("prometheus",)),
    }
    found = strips(SITE, of, LENGTH, NOON)
    assert minutes(found["name"]) == [
        (PENDING, 40, 29.5),
        (FIRING, 120, 89.5),
        (FIRING, 30, 0),
    ], "what ends is drawn to the end of its step"
    assert minutes(found["one"]) == [(PENDING, 40, 29.5), (FIRING, 30, 0)]


@pytest.mark.django_db
def test_the_strip_of_a_group_shows_all_that_fall_into_it_and_no_more() -> None:
    ended = alert("Slow", {"team": "pets"}, sources=("other",))
    strange = alert("Slow", {"team": "shop"})
    deep = alert("QueueDeep", {"team": "pets"})
    watched(ago(1_000), NOON + HOUR, "prometheus", "other")
    period(deep, FIRING, ago(30), None)
    period(ended, PENDING, ago(130), ago(120))
    period(ended, FIRING, ago(120), ago(90))
    period(ended, FIRING, ago(900), ago(800))
    period(strange, FIRING, ago(70), ago(60))
    still = alert("Hidden", {"team": "pets"})
    period(still, FIRING, ago(400), ago(345))
    of = {"pets": StripOf(fingerprints=(deep.fingerprint,), sources=("prometheus",))}

    def team(of: Alert) -> str:
        return of.labels.get("team", "")

    found = strips(SITE, of, LENGTH, NOON, team)
    assert minutes(found["pets"]) == [
        (PENDING, 130, 119.5),
        (FIRING, 360, 344.5),
        (FIRING, 120, 89.5),
        (FIRING, 30, 0),
    ]


@pytest.mark.django_db
def test_a_hole_is_when_nobody_watched_or_no_source_answered() -> None:
    watched(ago(400), ago(180))
    watched(ago(150), NOON)
    answered("a", ago(400), ago(100))
    answered("a", ago(100), None, fails=True)
    answered("b", ago(120), ago(60))
    answered("b", ago(30), None)
    found = holes(SITE, ("a", "b"), window(NOON, LENGTH), NOON)
    late = 0.25  # an answer counts for three polls
    assert [((NOON - e.start) / MINUTE, (NOON - e.end) / MINUTE) for e in found] == [
        (180 - late, 150),
        (60 - late, 30),
    ]
    assert holes(SITE, ("c",), window(NOON, LENGTH), NOON)[0].end == NOON


@pytest.mark.django_db
def test_in_a_hole_nothing_is_drawn_of_what_was_there_before_and_after() -> None:
    watched(ago(400), ago(180), "prometheus")
    watched(ago(60), NOON + HOUR, "prometheus")
    period(DEEP, FIRING, ago(200), None)
    found = history.strip(SITE, DEEP.fingerprint, ("prometheus",), window(NOON, LENGTH), NOON)
    assert minutes(found) == [(FIRING, 200, 179.75), (FIRING, 60, 0)]


@pytest.mark.django_db
def test_a_takeover_is_no_hole() -> None:
    watched(ago(400), ago(180), "a")
    watched(ago(180) + 12 * SECOND, NOON, "a")
    assert holes(SITE, ("a",), window(NOON, LENGTH), NOON) == ()
