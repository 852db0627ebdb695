"""When an acknowledgement ends: its alert has resolved, or its time is over."""

from collections.abc import Collection
from dataclasses import replace

import pytest

from ops.alerts import acknowledgements
from ops.alerts.acknowledgements import Held, Person
from ops.alerts.models import HeldAlert
from ops.backends.prometheus import Rules
from ops.vocabulary.acknowledgements import OVER, RESOLVED
from ops.vocabulary.timerange import SECOND
from tests.alerts.making import NOON, alert
from tests.alerts.past import watched
from tests.watch.test_history import DOWN, PAIR, RULE, Remembering

pytestmark = pytest.mark.django_db
OTHER = alert("Down", {"pod": "two"}, sources=("main",))
OLGA = Person(None, "olga")


def take(fingerprint: str = "", until: int = 0, services: Collection[str] = ()) -> None:
    what = Held("production", "Down", fingerprint)
    acknowledgements.take(what, OLGA, until=until, note="", services=services, now=NOON)


def ends() -> list[tuple[str, str, float | None]]:
    rows = HeldAlert.objects.order_by("pk")
    return [(row.fingerprint, row.why, row.end and (row.end - NOON) / SECOND) for row in rows]


def test_an_alerts_ends_when_it_resolves_and_a_groups_with_its_last() -> None:
    seen = Remembering()
    seen.sees(DOWN, OTHER)
    take(DOWN.fingerprint)
    take()

    seen.sees(OTHER)
    assert ends() == [(DOWN.fingerprint, "", None), ("", "", None)], "it may just be missing"
    seen.sees(OTHER, after=60)
    assert ends() == [(DOWN.fingerprint, RESOLVED, 70), ("", "", None)]
    seen.sees(after=5)
    seen.sees(after=60)
    assert ends()[1] == ("", RESOLVED, 135)


def test_it_goes_on_while_nobody_knows_and_over_a_restart() -> None:
    seen = Remembering()
    seen.sees(DOWN)
    take(DOWN.fingerprint)

    seen.shows({"main": None}, after=600)
    seen = Remembering()
    seen.at = seen.clock = NOON + 700 * SECOND
    seen.shows({"main": None}, after=5)
    seen.sees(DOWN)

    assert ends() == [(DOWN.fingerprint, "", None)]


def test_one_of_an_alert_that_was_never_remembered_ends_only_if_all_sources_are_sure() -> None:
    seen = Remembering(PAIR)
    take(DOWN.fingerprint)

    seen.shows({"a": Rules((), (RULE,)), "b": None}, after=60)
    assert ends() == [(DOWN.fingerprint, "", None)]
    seen.shows({"a": Rules((), (RULE,)), "b": Rules((), (RULE,))}, after=60)
    assert ends() == [(DOWN.fingerprint, RESOLVED, 120)]


def test_one_whose_time_is_over_ends_then_whoever_notices_first() -> None:
    seen = Remembering()
    seen.sees(DOWN)
    take(DOWN.fingerprint, until=NOON + 10 * SECOND)
    held = acknowledgements.holding("production", NOON + 9 * SECOND)
    assert held.of(DOWN) is not None
    assert acknowledgements.holding("production", NOON + 10 * SECOND).of(DOWN) is None

    seen.sees(DOWN, after=60)
    assert ends() == [(DOWN.fingerprint, OVER, 10)]

    take(until=NOON + 10 * SECOND)
    what = Held("production", "Down")
    later = NOON + 60 * SECOND
    new = acknowledgements.take(what, OLGA, until=0, note="", services=(), now=later)
    assert ends()[1:] == [("", OVER, 10), ("", "", None)]
    assert new.since == later


def test_what_began_while_nobody_watched_has_resolved_meanwhile() -> None:
    seen = Remembering()
    seen.sees(DOWN, OTHER)
    for key in (DOWN.fingerprint, OTHER.fingerprint, ""):
        take(key)
    watched(NOON - 60 * SECOND, NOON + 30 * SECOND)
    watched(NOON + 300 * SECOND, NOON + 300 * SECOND)

    seen = Remembering()
    seen.at = seen.clock = NOON + 300 * SECOND
    again = replace(DOWN, active_at=NOON + 200 * SECOND)
    seen.sees(again, OTHER)
    assert ends() == [
        (DOWN.fingerprint, RESOLVED, 30),
        (OTHER.fingerprint, "", None),
        ("", "", None),
    ]
    seen.sees(again, replace(OTHER, active_at=NOON + 301 * SECOND), after=60)
    assert ends()[1:] == [(OTHER.fingerprint, "", None), ("", "", None)], "it was watched by then"


def test_so_has_what_began_soon_after_somebody_watches_again() -> None:
    seen = Remembering()
    seen.sees(DOWN)
    take(DOWN.fingerprint)
    take()
    watched(NOON - 60 * SECOND, NOON + 30 * SECOND)
    watched(NOON + 300 * SECOND, NOON + 300 * SECOND)

    seen = Remembering()
    seen.at = seen.clock = NOON + 300 * SECOND
    seen.sees()  # it may just be missing
    assert ends() == [(DOWN.fingerprint, "", None), ("", "", None)]
    seen.sees(replace(DOWN, state="pending", active_at=NOON + 308 * SECOND))
    assert ends() == [(DOWN.fingerprint, RESOLVED, 30), ("", RESOLVED, 30)]
