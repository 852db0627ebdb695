"""What is older than the history is deleted, also of sites that nobody watches any more."""

from itertools import count

import pytest
from django.utils import timezone

from ops.alerts.models import AlertPeriod
from ops.alerts.watching import ALERTS
from ops.versions.actions import VERSIONS
from ops.versions.models import VersionPeriod
from ops.vocabulary.timerange import HOUR
from ops.watch.models import SourcePeriod, Watched, WatchedSite
from ops.watch.pruning import SLICE, prune
from tests.alerts.making import NOON, alert
from tests.alerts.past import answered, period

pytestmark = pytest.mark.django_db
MODELS = (*ALERTS.remembered, *VERSIONS.remembered)
DOWN = alert("Down")


def site(name: str, watched_until: int) -> None:
    """A site that was watched until then, and that has an alert which never ended."""
    WatchedSite.objects.create(site=name, holder="", lease_until=timezone.now())
    Watched.objects.create(site=name, epoch=1, start=NOON - 9 * HOUR, end=watched_until)
    period(DOWN, "firing", NOON - 9 * HOUR, NOON - 8 * HOUR, site=name)
    period(DOWN, "firing", NOON - 7 * HOUR, None, site=name)


def left(name: str) -> int:
    tables = (AlertPeriod, Watched)
    return sum(table.objects.filter(site=name).count() for table in tables)


def test_what_has_ended_goes_and_what_lasts_stays() -> None:
    site("production", NOON)
    answered("a", NOON - 9 * HOUR, NOON - 8 * HOUR)
    prune(MODELS, NOON - 8 * HOUR, 9)
    assert (left("production"), SourcePeriod.objects.count()) == (3, 1)
    prune(MODELS, NOON - HOUR, 9)
    assert (left("production"), SourcePeriod.objects.count()) == (2, 0)


def test_of_a_site_that_nobody_watches_everything_goes_in_the_end() -> None:
    site("production", NOON)
    site("removed", NOON - 2 * HOUR)
    prune(MODELS, NOON - 3 * HOUR, 9)
    assert left("removed") == 2, "it may come back"
    prune(MODELS, NOON - HOUR, 9)
    assert (left("production"), left("removed")) == (2, 0)


def test_what_is_left_after_some_seconds_waits_for_the_next_time() -> None:
    site("production", NOON)
    rows = [
        VersionPeriod(site="production", key=str(number), state="runs", start=0, end=HOUR)
        for number in range(SLICE + 1)
    ]
    VersionPeriod.objects.bulk_create(rows)
    prune(MODELS, NOON, 2, clock=count().__next__)
    assert VersionPeriod.objects.count() == 1
    prune(MODELS, NOON, 2, clock=count().__next__)
    assert VersionPeriod.objects.count() == 0
