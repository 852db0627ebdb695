"""Which window of the time line an address means, and where its links lead."""

from urllib.parse import parse_qs

import pytest
from django.http import QueryDict

from ops.language.times import Clock
from ops.language.zones import UTC
from ops.vocabulary.timerange import DAY, HOUR, MINUTE
from opsportal.dashboard.timeline_form import TimelineForm, View
from tests.alerts.making import NOON


def view(query: str = "") -> View:
    form = TimelineForm(QueryDict(query), clock=Clock(NOON, UTC))
    assert form.is_valid(), form.errors
    return form.view


def again(query: str) -> View:
    return view(query.removeprefix("?"))


def test_without_anything_it_is_the_last_hour() -> None:
    assert (view().start, view().end) == (NOON - HOUR, NOON)
    assert view().query == "?"


def test_a_moment_is_in_the_middle_of_its_window() -> None:
    found = view("at=2026-11-24T09:00:00Z&last=2h")

    assert (found.start, found.end) == (NOON - 4 * HOUR, NOON - 2 * HOUR)


def test_a_window_does_not_reach_into_the_future_unless_its_moment_does() -> None:
    assert view("at=2026-11-24T11:55:00Z").end == NOON
    assert view("at=2026-11-24T12:05:00Z").end == NOON + 5 * MINUTE


def test_it_moves_by_half_its_length() -> None:
    moves = view("at=2026-11-24T09:00:00Z&last=1h").moves

    assert again(moves["earlier"]).at == NOON - 3 * HOUR - HOUR // 2
    assert again(moves["later"]).at == NOON - 3 * HOUR + HOUR // 2
    assert again(moves["now"]).at == 0
    assert "later" not in view().moves


def test_a_move_to_the_end_follows_the_present() -> None:
    assert again(view("at=2026-11-24T11:10:00Z").moves["later"]).at == 0


def test_zooming_keeps_the_moment_and_the_filters() -> None:
    found = view("at=2026-11-24T09:00:00Z&last=1h&service=petstore&person=olga&kind=alerts")

    closer, wider = again(found.moves["zoom in"]), again(found.moves["zoom out"])

    assert (closer.length, wider.length) == (15 * MINUTE, 3 * HOUR)
    for each in (closer, wider):
        assert (each.at, each.service, each.person) == (found.at, "petstore", "olga")
        assert each.kinds == ("alerts",)


def test_there_is_an_end_to_zooming() -> None:
    assert "zoom in" not in view("last=5m").moves
    assert "zoom out" not in view("last=30d").moves


def test_kinds_are_added_and_removed() -> None:
    assert parse_qs(view("kind=alerts&kind=rollouts").toggled("alerts")[1:]) == {
        "kind": ["rollouts"]
    }
    without = again(view().toggled("alerts"))
    assert "alerts" not in without.kinds and "rollouts" in without.kinds
    assert again(without.toggled("alerts")).kinds == ()


@pytest.mark.parametrize(
    ("query", "field"),
    [("last=10s", "last"), (f"last={400 * DAY // HOUR}h", "last"), ("at=soonish", "at"),
     ("kind=weather", "kind"), (f"person={'x' * 200}", "person")],
)  # fmt: skip
def test_what_cannot_be_shown_is_refused_at_its_field(query: str, field: str) -> None:
    assert [*TimelineForm(QueryDict(query), clock=Clock(NOON, UTC)).errors] == [field]
