"""Alerts: groups, filters, broken rules, sources that failed."""

import pytest
from django.test import AsyncClient

from tests.dashboard.places import Place, field, heading, link, links, text
from tests.fakes.prometheus import Fault, alert

ALERTS = "/sites/production/alerts/"
pytestmark = pytest.mark.django_db(transaction=True)


def some(place: Place) -> None:
    place.prometheus.rule(
        "SlowSearch",
        alert(
            "SlowSearch",
            severity="critical",
            job="petstore",
            annotations={
                "summary": "p95 840 ms over 300 ms",
                "runbook_url": "https://runbooks.example.com/slow",
                "dashboard_url": "javascript:alert(1)",
            },
        ),
        alert("SlowSearch", severity="critical", job="orders"),
    )
    place.prometheus.rule("DiskFills", alert("DiskFills", "pending", severity="warning"))


async def test_it_says_what_fires_and_groups_by_name(place: Place, viewer: AsyncClient) -> None:
    some(place)

    page = await viewer.get(ALERTS)

    said = text(page)
    assert heading(page) == "2 alerts firing, 1 pending"
    assert "SlowSearch · 2 alerts" in said
    assert "p95 840 ms over 300 ms" in said
    assert "job=orders" in said
    assert "no broken rules" in said


async def test_only_web_addresses_become_links(place: Place, viewer: AsyncClient) -> None:
    some(place)

    page = await viewer.get(ALERTS)

    assert ("runbook", "https://runbooks.example.com/slow") in links(page)
    assert not any("javascript" in address for _, address in links(page))


async def test_it_narrows_by_the_line_and_by_chips(place: Place, viewer: AsyncClient) -> None:
    some(place)

    page = await viewer.get(ALERTS, {"q": "job=petstore"})
    pending = await viewer.get(link(await viewer.get(ALERTS), "◔ pending 1"))
    critical = await viewer.get(link(await viewer.get(ALERTS), "▲ critical 2"))

    assert heading(page) == "1 alert firing"
    assert field(page, "q") == "job=petstore"
    assert heading(pending) == "2 alerts firing, none matching, 1 pending"
    assert heading(critical) == "2 alerts firing"
    assert field(critical, "q") == 'severity="critical"'


async def test_a_word_alone_is_understood(place: Place, viewer: AsyncClient) -> None:
    some(place)

    page = await viewer.get(ALERTS, {"q": "SlowSearch"})
    critical = await viewer.get(ALERTS, {"q": "critical petstore"})
    unknown = await viewer.get(ALERTS, {"q": "SlowSxxrch"})

    assert heading(page) == "2 alerts firing"
    assert field(page, "q") == "SlowSearch"
    assert "q=alertname%3D%22SlowSearch%22" in link(page, "permalink")
    assert heading(critical) == "1 alert firing"
    assert unknown.status_code == 400
    assert field(unknown, "q") == "SlowSxxrch"
    assert "2 alerts firing, but no state" in text(unknown)
    assert 'did you mean "SlowSearch"?' in text(unknown)


async def test_what_people_type_becomes_a_line_and_the_page_says_how_it_was_read(
    place: Place, viewer: AsyncClient
) -> None:
    some(place)

    page = await viewer.get(ALERTS, {"q": "weird slowserch alerts", "by": "severity"}, follow=True)

    assert heading(page) == "2 alerts firing"
    assert field(page, "q") == "SlowSearch"
    assert page.redirect_chain[-1][0].endswith("&by=severity")
    assert 'Read as SlowSearch , without "weird" .' in text(page)


async def test_a_label_that_is_copied_is_not_a_key(place: Place, viewer: AsyncClient) -> None:
    place.prometheus.rule("Slow", alert("Slow", site="eu west"))

    assert '"site"="eu west"' in text(await viewer.get(ALERTS))
    assert heading(await viewer.get(ALERTS, {"q": '"site"="eu west"'})) == "1 alert firing"


async def test_its_permalink_keeps_an_age(place: Place, viewer: AsyncClient) -> None:
    page = await viewer.get(ALERTS, {"q": "last=1h age>10m"})

    assert "q=last%3D1h+age%3E10m" in link(page, "permalink")


async def test_its_permalink_has_an_absolute_since(place: Place, viewer: AsyncClient) -> None:
    page = await viewer.get(ALERTS, {"q": "since=now-1h"})

    assert "since%3D2" in link(page, "permalink")


async def test_it_keeps_a_line_that_cannot_be_read(place: Place, viewer: AsyncClient) -> None:
    page = await viewer.get(ALERTS, {"q": "state=burning"})

    assert page.status_code == 400
    assert field(page, "q") == "state=burning"
    assert "aria-invalid" in page.content.decode()
    assert "accepted: firing or pending" in text(page)


async def test_broken_rules_are_shown(place: Place, viewer: AsyncClient) -> None:
    place.prometheus.rule("ErrorBudget", health="err", error="duplicate labels", group="slo")

    page = await viewer.get(ALERTS)

    known = "Nothing is firing that we know of"
    assert heading(page) == f"{known}: rule ErrorBudget of main cannot be evaluated"
    assert "1 broken rule" in text(page)
    assert "ErrorBudget" in text(page)
    assert "duplicate labels" in text(page)


async def test_a_source_that_is_down_is_a_page_that_keeps_the_line(
    place: Place, viewer: AsyncClient
) -> None:
    place.prometheus.fault = Fault.LOGIN_PAGE

    page = await viewer.get(ALERTS, {"q": "job=petstore"})

    assert page.status_code == 502
    assert field(page, "q") == "job=petstore"
    assert "aria-invalid" not in page.content.decode()
    assert page["X-Request-ID"] in text(page)


async def test_nothing_that_matches_leads_back_to_all(place: Place, viewer: AsyncClient) -> None:
    some(place)

    page = await viewer.get(ALERTS, {"q": "job=nothing"})

    assert heading(page) == "2 alerts firing, none matching"
    assert link(page, "Show all") == ALERTS


async def test_what_is_not_known_is_on_the_page(place: Place, viewer: AsyncClient) -> None:
    place.prometheus.warnings = ["store <b>10.0.0.3</b> did not answer"]

    page = await viewer.get(ALERTS)

    known = "Nothing is firing that we know of"
    assert heading(page) == f"{known}: main sent a partial answer"
    assert "There may be more: main sent a partial answer: store <b>10.0.0.3</b>" in text(page)
    assert "<b>10.0.0.3" not in page.content.decode()


async def test_the_sources_own_word_for_a_state_is_shown(place: Place, viewer: AsyncClient) -> None:
    place.prometheus.rule("Gone", alert("Gone", "NoData", value="2.2797927461139897e-01"))

    page = await viewer.get(ALERTS)

    assert heading(page) == "1 alert firing"
    assert "no data" in text(page)
    assert "value 0.228" in text(page)
