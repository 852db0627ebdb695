"""What alerts did during a time, by name: from memory, bounded, of one service or all."""

import pytest

from ops.actor import Actor
from ops.alerts.by_name import list_by_name
from ops.alerts.changes import MOST_ALERTS
from ops.alerts.history import Stretch
from ops.alerts.models import AlertPeriod
from ops.database import in_database
from ops.vocabulary import timerange
from ops.vocabulary.alerts import FIRING, PENDING
from ops.vocabulary.timerange import DAY, HOUR, MINUTE
from tests.alerts.making import alert
from tests.alerts.past import period, watched
from tests.conftest import SiteFile

# The end of an hour, so that strips' steps are those of the periods.
END = timerange.now_ns() // HOUR * HOUR
START = END - HOUR
SITE = """
[sites.production]
watchdogs = ["Watchdog"]
[[sites.production.prometheus]]
name = "main"
url = "http://127.0.0.1:1"
[sites.production.services.petstore]
alerts = { job = "petstore" }
[sites.production.services.store]
alerts = { job = "store" }
"""
pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def site(site_file: SiteFile) -> None:
    site_file(SITE)


def minute(number: int) -> int:
    return START + number * MINUTE


def remembered() -> None:
    watched(END - DAY, END + DAY, "main")
    for number in (1, 2):
        slow = alert("Slow", {"job": "petstore", "severity": "page", "instance": str(number)})
        period(slow, PENDING, minute(10 * number), minute(10 * number + 5))
        period(slow, FIRING, minute(10 * number + 5), minute(30))
    period(alert("Deep", {"job": "store", "severity": "warning"}), FIRING, minute(20), None)
    period(alert("Before", {"job": "store"}), FIRING, END - 3 * HOUR, END - 2 * HOUR)
    period(alert("Later", {"job": "store"}), FIRING, END + HOUR, None)
    period(alert("Watchdog"), FIRING, END - DAY, None)


def period_of(key: str) -> AlertPeriod:
    return AlertPeriod(
        site="production", key=key, state=FIRING, start=START, end=END, name="Other",
        labels={"job": "other"}, annotations={}, sources=["main"], active_at=START,
    )  # fmt: skip


async def test_those_of_a_name_are_one_and_who_began_last_comes_first(viewer: Actor) -> None:
    await in_database(remembered)

    found = await list_by_name(viewer, start=START, end=END)

    assert [(each.name, each.severity) for each in found.names] == [
        ("Slow", "page"), ("Deep", "warning"),
    ]  # fmt: skip
    slow, deep = found.names
    assert slow.fingerprint == "", "there are two"
    assert deep.fingerprint == alert("Deep", {"job": "store", "severity": "warning"}).fingerprint
    assert slow.strip.stretches[-1] == Stretch(FIRING, minute(15), minute(30) + slow.strip.step)
    assert deep.strip.stretches == (Stretch(FIRING, minute(20), END),)
    assert found.more == 0


async def test_of_a_service_only_its_own(viewer: Actor) -> None:
    await in_database(remembered)

    found = await list_by_name(viewer, start=START, end=END, service="store")

    assert [each.name for each in found.names] == ["Deep"]


@pytest.mark.parametrize("others", [0, MOST_ALERTS])
async def test_of_a_service_only_its_own_in_a_long_time_however_many_there_are(
    viewer: Actor, others: int
) -> None:
    await in_database(remembered)
    made = [period_of(f"{number:020}") for number in range(others)]
    await in_database(AlertPeriod.objects.bulk_create, made)

    found = await list_by_name(viewer, start=END - 2 * DAY, end=END, service="store")

    assert [each.name for each in found.names] == ["Deep", "Before"]


async def test_names_that_are_too_many_are_counted(viewer: Actor) -> None:
    await in_database(remembered)

    found = await list_by_name(viewer, start=START, end=END, most=1)

    assert ([each.name for each in found.names], found.more) == (["Slow"], 1)


async def test_a_time_in_which_nobody_watched_is_a_hole(viewer: Actor) -> None:
    await in_database(watched, END - 3 * HOUR, minute(10), "main")
    await in_database(watched, minute(40), END + DAY, "main")
    await in_database(lambda: period(alert("Deep"), FIRING, START - HOUR, None))

    [deep] = (await list_by_name(viewer, start=START, end=END)).names

    [hole] = deep.strip.holes
    assert hole.start >= minute(10) and hole.end == minute(40)
    assert [each.state for each in deep.strip.stretches] == [FIRING, FIRING]
