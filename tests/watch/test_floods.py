"""A rule whose label changes at each evaluation is capped and named, with the label."""

from dataclasses import replace

import pytest

from ops.alerts.flooding import LASTS, MOST_NEW, read_floods
from ops.alerts.models import AlertPeriod, RulePeriod
from ops.vocabulary.timerange import HOUR, SECOND
from tests.alerts.making import alert
from tests.watch.test_history import DOWN, Remembering

pytestmark = pytest.mark.django_db


def flood(seen: Remembering, number: int, start: int = 0) -> None:
    """So many evaluations, each with another alert of the same rule."""
    for each in range(start, start + number):
        changing = alert("Odd", {"value": f"{each}", "pod": "one"}, sources=("main",))
        seen.sees(DOWN, changing, after=1)


def written() -> int:
    return AlertPeriod.objects.filter(name="Odd").count()


def test_it_is_capped_and_named_with_the_label(caplog: pytest.LogCaptureFixture) -> None:
    seen = Remembering()
    flood(seen, MOST_NEW + 50)
    assert written() <= MOST_NEW + 2
    [flooding] = read_floods("production")
    assert (flooding.name, flooding.group) == ("Odd", "demo")
    assert flooding.error == "makes a new alert at each evaluation: its label value changes"
    assert caplog.text.count("rule Odd of production makes a new alert") == 1
    assert AlertPeriod.objects.filter(name="Down").count() == 1, "other rules go on"


def test_another_watcher_goes_on_with_it() -> None:
    seen = Remembering()
    flood(seen, MOST_NEW + 5)
    before = written()
    later = Remembering()
    later.at = seen.at
    flood(later, 5, start=5_000)
    assert written() == before
    assert RulePeriod.objects.filter(state=RulePeriod.FLOODING).count() == 1


def test_after_a_day_it_is_tried_again() -> None:
    seen = Remembering()
    flood(seen, MOST_NEW + 5)
    seen.sees(after=LASTS / SECOND)
    assert read_floods("production") == ()
    before = written()
    flood(seen, 3, start=9_000)
    assert written() == before + 3


def test_many_alerts_that_are_active_together_are_no_flood() -> None:
    seen = Remembering()
    many = [replace(DOWN, fingerprint=f"{n:020x}") for n in range(MOST_NEW + 50)]
    seen.sees(*many)
    seen.sees(*many, after=HOUR / SECOND / 2)
    assert read_floods("production") == ()
    assert AlertPeriod.objects.count() == len(many)
