"""The list of alerts in groups, with a strip of the last hours for each."""

import re
from typing import Any

import pytest
from django.test import AsyncClient
from pytest_django import Settings

from ops.database import in_database
from ops.vocabulary import timerange
from ops.vocabulary.alerts import FIRING
from ops.vocabulary.timerange import HOUR, MINUTE
from tests.alerts.making import alert as made
from tests.alerts.past import period, watched
from tests.dashboard.places import Place, heading, link, text, words
from tests.fakes.prometheus import alert

ALERTS = "/sites/production/alerts/"
pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def polls(settings: Settings) -> None:
    settings.POLL_SECONDS = 5


def some(place: Place) -> None:
    slow = [
        alert("Slow", severity="critical", job="petstore", team="pets", pod=str(n)) for n in (1, 2)
    ]
    place.prometheus.rule("Slow", *slow, group="latency")
    deep = alert("Deep", "pending", severity="warning", job="store", team="store")
    place.prometheus.rule("Deep", deep, group="queues")
    place.prometheus.rule("Full", alert("Full", severity="warning", disk="a/b c"), group="queues")


def headings(page: Any) -> list[str]:
    """The headings of the groups."""
    found = re.findall(
        r'<section class="panel alerts">\s*<h2>(.*?)</h2>', page.content.decode(), re.DOTALL
    )
    return [words(each) for each in found]


async def test_groups_are_by_name_the_most_urgent_first(place: Place, viewer: AsyncClient) -> None:
    some(place)

    assert headings(await viewer.get(ALERTS)) == [
        "▲ 2 critical Slow · 2 alerts",
        "▲ 1 warning Full · 1 alert",
        "◔ 1 pending Deep · 1 alert",
    ]


@pytest.mark.parametrize(
    ("by", "expected"),
    [
        (
            "severity",
            [
                "▲ 2 critical severity=critical · 2 alerts",
                "▲ 1 warning ◔ 1 pending severity=warning · 2 alerts",
            ],
        ),
        (
            "service",
            [
                "▲ 2 critical service petstore · 2 alerts",
                "▲ 1 warning no service · 1 alert",
                "◔ 1 pending service store · 1 alert",
            ],
        ),
        (
            "rule-group",
            [
                "▲ 2 critical rule group latency · 2 alerts",
                "▲ 1 warning ◔ 1 pending rule group queues · 2 alerts",
            ],
        ),
        (
            "team",
            [
                "▲ 2 critical team=pets · 2 alerts",
                "▲ 1 warning no team · 1 alert",
                "◔ 1 pending team=store · 1 alert",
            ],
        ),
    ],
)
async def test_the_address_says_what_groups_are_by(
    place: Place, viewer: AsyncClient, by: str, expected: list[str]
) -> None:
    some(place)

    page = await viewer.get(ALERTS, {"by": by})

    assert headings(page) == expected
    assert f'<option value="{by}" selected>' in page.content.decode()
    assert f"by={by}" in link(page, "▲ critical 2"), "a narrower list has the same groups"


async def test_a_strange_label_is_as_good_as_any(place: Place, viewer: AsyncClient) -> None:
    some(place)

    page = await viewer.get(ALERTS, {"by": "<b>odd" * 100})

    assert page.status_code == 200
    assert "<b>odd" not in page.content.decode()


async def test_a_large_group_shows_its_first_and_leads_to_all(
    place: Place, viewer: AsyncClient
) -> None:
    some(place)
    many = [alert("Many", severity="page", pod=f"{n:03}") for n in range(120)]
    place.prometheus.rule("Many", *many)

    page = await viewer.get(ALERTS)
    only = await viewer.get(ALERTS + link(page, "Show all 120"))
    last = await viewer.get(ALERTS + link(page, "Show all 120"), {"page": "3"})

    assert "▲ 120 page Many · 10 of 120 alerts" in headings(page)
    assert page.content.decode().count("<article") == 14
    assert headings(only) == ["▲ 120 page Many · 50 of 120 alerts"]
    assert heading(only) == "123 alerts firing, 1 pending"
    assert len(headings(await viewer.get(ALERTS + link(only, "Show all groups")))) == 4
    assert "1 to 50 of 120 alerts" in text(only)
    assert last.status_code == 200


async def test_groups_are_in_sheets(place: Place, viewer: AsyncClient) -> None:
    for number in range(45):
        name = f"Rule{number:02}"
        place.prometheus.rule(name, alert(name))

    page = await viewer.get(ALERTS)

    assert len(headings(page)) == 20
    assert "1 to 20 of 45 groups" in text(page)
    assert len(headings(await viewer.get(ALERTS, {"page": "3"}))) == 5


async def test_a_label_leads_to_the_alerts_that_have_it(place: Place, viewer: AsyncClient) -> None:
    some(place)

    page = await viewer.get(ALERTS)

    assert heading(await viewer.get(link(page, "team=pets"))) == "2 alerts firing"
    assert heading(await viewer.get(link(page, 'disk="a/b c"'))) == "1 alert firing"


async def test_each_group_has_a_strip_of_the_last_hours(place: Place, viewer: AsyncClient) -> None:
    now = timerange.now_ns()
    some(place)
    gone = made("Slow", {"pod": "3"}, sources=("main",))
    await in_database(watched, now - 5 * HOUR, now + HOUR, "main")
    await in_database(period, gone, FIRING, now - 120 * MINUTE, now - 60 * MINUTE)

    page = await viewer.get(ALERTS)

    drawn = page.content.decode()
    assert drawn.count('<svg class="strip') == 3
    assert drawn.count('class="firing"') == 1
    assert drawn.count('class="hole"') == 3
    assert re.search(r"<title>Last 6 h, UTC: firing [^;]+ to [^;]+; not watched", drawn)
    assert "style=" not in drawn


async def test_names_and_values_are_offered_for_completion(
    place: Place, viewer: AsyncClient
) -> None:
    some(place)
    place.prometheus.rule("Long", alert("Long", annotations={"summary": "x" * 5_000}))

    names = (await viewer.get(f"{ALERTS}names/")).json()["names"]

    assert names["team"] == ["pets", "store"]
    assert names["severity"] == ["critical", "warning"]
    assert names["summary"] == [], "an annotation's name is offered, but no long text"
