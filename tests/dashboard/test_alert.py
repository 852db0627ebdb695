"""An alert's own page, and what happened around it."""

import re
from pathlib import Path
from typing import Any

import grpc
import pytest
from django.test import AsyncClient
from opentelemetry.proto.trace.v1.trace_pb2 import TracesData
from pytest_django import Settings

from ops.database import in_database
from ops.vocabulary import timerange
from ops.vocabulary.alerts import FIRING, PENDING
from ops.vocabulary.timerange import HOUR, MINUTE, SECOND, format_moment
from tests.alerts.making import alert as made
from tests.alerts.past import period, watched
from tests.conftest import SiteFile
from tests.dashboard.places import Place, heading, link, links, text, words
from tests.fakes.jaeger import ANY_JAEGER, span, trace
from tests.fakes.prometheus import Fault, alert

ALERTS = "/sites/production/alerts/"
pytestmark = pytest.mark.django_db(transaction=True)
NOW = timerange.now_ns()
SLOW = made("SlowSearch", {"job": "petstore"}, group="demo", sources=("main",))


@pytest.fixture(autouse=True)
def polls(settings: Settings) -> None:
    settings.POLL_SECONDS = 5


def fires(place: Place, **more: Any) -> None:
    annotations = {
        "summary": "p95 is <b>840 ms</b>",
        "description": "95% of searches should take less than 300 ms.",
        "runbook_url": "https://runbooks.example.com/slow",
        "dashboard_url": "javascript:alert(1)",
    }
    slow = alert(
        "SlowSearch",
        value="8.398e-01",
        active_at=format_moment(NOW - 20 * MINUTE),
        annotations=annotations,
        severity="critical",
        job="petstore",
    )
    query = "histogram_quantile(0.95, sum by (le) (rate(search_seconds_bucket[5m]))) > 0.3"
    place.prometheus.rule("SlowSearch", slow, query=query, duration=60, **more)


async def page_of(viewer: AsyncClient, word: str = "p95 is <b>840 ms</b>") -> Any:
    return await viewer.get(link(await viewer.get(ALERTS), word))


async def test_it_shows_everything_about_an_alert(place: Place, viewer: AsyncClient) -> None:
    fires(place)

    page = await page_of(viewer)

    said = text(page)
    assert heading(page) == "SlowSearch is firing: p95 is <b>840 ms</b>"
    assert "<b>840" not in page.content.decode(), "a text is no markup"
    assert "pending since" in said and "firing since" in said
    assert "histogram_quantile(0.95" in said
    assert "For 1 min" in said.replace("60 s", "1 min")
    assert "Value 840 ms" in said
    assert 'title="8.398e-01"' in page.content.decode()
    assert "95% of searches should take less than 300 ms." in said
    assert "✓ evaluated" in said
    assert ("runbook", "https://runbooks.example.com/slow") in links(page)
    assert link(page, "graph").startswith(f"{place.prometheus.url}/graph?g0.expr=histogram")
    assert not any("javascript" in address for _, address in links(page))
    assert 'rel="noopener' in page.content.decode()


async def test_its_actions_are_a_row_of_buttons_for_those_who_may(
    place: Place, viewer: AsyncClient, operator: AsyncClient
) -> None:
    fires(place)

    looked, acts = await page_of(viewer), await page_of(operator)

    assert "Sample petstore at 100%" not in text(looked)
    assert link(acts, "Sample petstore at 100% for 15 min").endswith("/sample/")


async def test_its_history_says_how_often_how_long_and_when(
    place: Place, viewer: AsyncClient
) -> None:
    await in_database(watched, NOW - 4 * HOUR, NOW - 2 * HOUR, "main")
    await in_database(watched, NOW - HOUR, NOW + HOUR, "main")
    await in_database(period, SLOW, PENDING, NOW - 4 * HOUR, NOW - 3 * HOUR)
    await in_database(period, SLOW, FIRING, NOW - 3 * HOUR, NOW - 2 * HOUR)
    await in_database(period, SLOW, FIRING, NOW - 30 * MINUTE, NOW - 20 * MINUTE)

    page = await viewer.get(f"{ALERTS}{SLOW.fingerprint}/")

    assert heading(page) == "SlowSearch has resolved"
    assert re.search(r"resolved \d+ min ago", text(page))
    assert "state not given" not in text(page)
    assert "fired 2 times, 1 h 10 min in all, 35 min in the median" in text(page)
    drawn = page.content.decode()
    assert drawn.count('class="firing"') == 2
    assert drawn.count('class="hole"') == 2
    assert "dashed: OpsPortal was not watching" in text(page)
    assert "Last 6 h, UTC: firing " in text(page)


async def test_the_length_of_its_strip_can_be_chosen(place: Place, viewer: AsyncClient) -> None:
    await in_database(watched, NOW - 40 * HOUR, NOW + HOUR, "main")
    await in_database(period, SLOW, FIRING, NOW - 30 * HOUR, NOW - 29 * HOUR)
    address = f"{ALERTS}{SLOW.fingerprint}/"

    day = await viewer.get(address, {"last": "7d"})
    odd = await viewer.get(address, {"last": "9999d"})

    assert day.content.decode().count('class="firing"') == 1
    assert odd.content.decode().count('class="firing"') == 0
    assert "Last 6 h" in text(odd)


async def test_a_start_in_the_future_says_that_clocks_differ(
    place: Place, viewer: AsyncClient
) -> None:
    place.prometheus.rule("Ahead", alert("Ahead", active_at="2126-01-01T00:00:00Z"))

    assert "clocks differ" in text(await viewer.get(ALERTS))
    assert "clocks differ" in text(await page_of(viewer, "Ahead"))


async def test_while_no_source_answers_its_status_is_unknown(
    place: Place, viewer: AsyncClient
) -> None:
    await in_database(period, SLOW, FIRING, NOW - 30 * MINUTE, None)
    place.prometheus.fault = Fault.UNAVAILABLE

    page = await viewer.get(f"{ALERTS}{SLOW.fingerprint}/")

    assert heading(page) == "SlowSearch: status unknown"
    assert "firing when last seen; main has not answered" in text(page)


async def test_an_unknown_alert_leads_to_the_list(place: Place, viewer: AsyncClient) -> None:
    page = await viewer.get(f"{ALERTS}{'ab' * 10}/")

    assert page.status_code == 404
    assert "it ended more than 30 days ago, or the link is wrong" in text(page)
    assert link(page, "All alerts") == ALERTS


@ANY_JAEGER
async def test_what_changed_before_it_is_a_piece_of_its_page(
    place: Place, viewer: AsyncClient
) -> None:
    fires(place)
    other = made("QueueDeep", {"pod": "two"}, sources=("main",))
    await in_database(period, other, FIRING, NOW - 24 * MINUTE, None)
    before, since = NOW - 50 * MINUTE, NOW - 15 * MINUTE
    place.jaeger.add(*(request(before + each * MINUTE, "1.2.0") for each in range(20)))
    place.jaeger.add(*(request(since + each * SECOND, "1.3.0", "no stock") for each in range(20)))
    version = {"version": "1.2.0", "instance": "petstore-1"}
    place.prometheus.says("petstore_build_info", (version, 1))
    page = await page_of(viewer)

    address = link(page, "Rollouts, sampling, silences, other alerts and traces")
    piece = await viewer.get(address, headers={"HX-Request": "true"})
    later = link(piece, "Comparing the traces of petstore with the hour before")
    traces = await viewer.get(later, headers={"HX-Request": "true"})

    facts, said = (words(each.content.decode()) for each in (piece, traces))
    assert "petstore ran 1.2.0" in facts
    assert "4 min before ▲ QueueDeep started firing" in facts
    assert b"<html" not in piece.content + traces.content
    assert "petstore 1.3.0 fails 100% of 20 traces, 1.2.0 none of 20 the hour before" in said
    assert "New: no stock in SearchPets in 20 of 20 traces, none of 20 the hour before" in said
    assert "20 of 20 traces of petstore failed from " in said
    whole = text(await viewer.get(address))
    assert "QueueDeep started firing" in whole and "petstore 1.3.0 fails 100%" in whole


def request(start: int, version: str, error: str | None = None) -> TracesData:
    resource = {"service.version": version, "service.instance.id": "petstore-1"}
    return trace(span("petstore", "SearchPets", start=start, error=error, resource=resource))


@pytest.fixture
def shared(place: Place, site_file: SiteFile, settings: Settings) -> None:
    """The store's alerts are petstore's."""
    own = "[sites.production.services.store]\n"
    alerts = f'{own}alerts = {{ job = "petstore" }}\n'
    site_file(Path(settings.SITES_FILE).read_text().replace(own, alerts))


@ANY_JAEGER
async def test_each_of_its_services_is_a_piece_of_its_own(
    place: Place, viewer: AsyncClient, shared: None
) -> None:
    fires(place)
    page = await page_of(viewer)

    address = link(page, "Rollouts, sampling, silences, other alerts and traces")
    piece = await viewer.get(address, headers={"HX-Request": "true"})
    later = [each for said, each in links(piece) if said.startswith("Comparing the traces of")]
    whole = text(await viewer.get(address))

    assert [each.partition("?")[2] for each in later] == ["service=petstore", "service=store"]
    for name in ("petstore", "store"):
        assert f"No traces of {name} from" in whole
    assert heading(await viewer.get(later[1])) == "Traces of store"


@ANY_JAEGER
async def test_a_comparison_of_traces_that_fails_is_said(place: Place, viewer: AsyncClient) -> None:
    fires(place)
    place.jaeger.fail(grpc.StatusCode.UNAVAILABLE, "away")
    address = link(await page_of(viewer), "Rollouts, sampling, silences, other alerts and traces")

    said = text(await viewer.get(address))

    assert "The traces were not compared: Jaeger of production" in said
    assert "No difference" not in said


async def test_only_those_who_may_see_alerts_see_one(place: Place, newcomer: AsyncClient) -> None:
    for address in ("", "around/", "traces/"):
        page = await newcomer.get(f"{ALERTS}{SLOW.fingerprint}/{address}")
        assert page.status_code == 403
