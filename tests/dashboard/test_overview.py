"""The overview: one line a service, what fires, what failed, what is not known."""

import grpc
import pytest
from django.test import AsyncClient

from tests.dashboard.places import Place, heading, link, links, text
from tests.fakes.jaeger import ANY_JAEGER, EITHER_JAEGER, span, trace
from tests.fakes.prometheus import Fault, alert

OVERVIEW = "/sites/production/"
pytestmark = pytest.mark.django_db(transaction=True)


def fill(place: Place) -> str:
    place.prometheus.rule(
        "SlowSearch",
        alert("SlowSearch", severity="critical", job="petstore"),
        alert("SlowSearch", "pending", severity="critical", job="petstore", instance="2"),
    )
    place.prometheus.says(
        "petstore_build_info",
        ({"version": "1.2.0", "instance": "petstore-1"}, 1),
        ({"version": "1.2.0", "instance": "petstore-2"}, 1),
    )
    place.prometheus.says("requests", ({}, 42))
    place.prometheus.says("failing", ({}, 0.031))
    place.prometheus.says("p95", ({}, 0.84))
    query = span("store", "store.Query", error="deadline exceeded")
    return place.jaeger.add(trace(span("petstore", "SearchPets", children=[query], error="x")))


@ANY_JAEGER
async def test_its_heading_is_the_answer(place: Place, viewer: AsyncClient) -> None:
    fill(place)

    assert heading(await viewer.get(OVERVIEW)) == "1 alert firing"


@ANY_JAEGER
async def test_a_quiet_site_says_so(place: Place, viewer: AsyncClient) -> None:
    page = await viewer.get(OVERVIEW)

    assert heading(page) == "Nothing is firing"
    assert "No failing trace was kept in the last hour." in text(page)


@ANY_JAEGER
async def test_a_service_is_one_line(place: Place, viewer: AsyncClient) -> None:
    fill(place)

    said = text(await viewer.get(OVERVIEW))

    line = "▲ 1 critical ◔ 1 pending 1.2.0 on 2 of 2 42 3.1% 840 ms unknown"
    assert f"petstore {line}" in said
    assert "store ✓ none not set up not set up not set up not set up not set up" in said


@EITHER_JAEGER
async def test_failing_traces_lead_to_the_trace(place: Place, viewer: AsyncClient) -> None:
    trace_id = fill(place)

    page = await viewer.get(OVERVIEW)

    assert link(page, "SearchPets") == f"{OVERVIEW}traces/{trace_id}/"
    assert "store.Query: deadline exceeded" in text(page)


@ANY_JAEGER
async def test_an_alert_leads_to_its_page(place: Place, viewer: AsyncClient) -> None:
    fill(place)

    page = await viewer.get(link(await viewer.get(OVERVIEW), "SlowSearch"))

    assert heading(page).startswith("SlowSearch is firing")


@ANY_JAEGER
async def test_several_alerts_of_a_name_are_one_line_that_leads_to_all(
    place: Place, viewer: AsyncClient
) -> None:
    fill(place)
    place.prometheus.rule("SlowSearch", alert("SlowSearch", job="orders"), group="another")

    page = await viewer.get(OVERVIEW)

    assert "· 1 more alert" in text(page)
    assert heading(await viewer.get(link(page, "SlowSearch"))) == "2 alerts firing, 1 pending"


@ANY_JAEGER
async def test_a_sampling_change_is_told_to_viewers(
    place: Place, viewer: AsyncClient, operator: AsyncClient
) -> None:
    await operator.post(
        f"{OVERVIEW}sampling/change/", {"service": "petstore", "strategy": "always"}
    )

    said = text(await viewer.get(OVERVIEW))

    assert "olga changed sampling of petstore : unknown → always , from the browser" in said
    assert "always · 2 of 2" in said


@EITHER_JAEGER
async def test_what_cannot_be_had_is_a_sentence_and_the_rest_is_shown(
    place: Place, viewer: AsyncClient
) -> None:
    fill(place)
    place.prometheus.fault = Fault.LOGIN_PAGE
    place.jaeger.fail(grpc.StatusCode.UNAVAILABLE, "no")

    page = await viewer.get(OVERVIEW)

    said = text(page)
    assert page.status_code == 200
    assert heading(page) == "Alert status unknown"
    assert "Jaeger of production" in said
    assert "Failing traces could not be searched" in said
    assert "Nothing is known to have changed in the last hour." in said


@ANY_JAEGER
async def test_two_versions_are_in_the_heading(place: Place, viewer: AsyncClient) -> None:
    place.prometheus.says(
        "petstore_build_info",
        ({"version": "1.2.0", "instance": "petstore-1"}, 1),
        ({"version": "1.3.0", "instance": "petstore-2"}, 1),
    )

    page = await viewer.get(OVERVIEW)

    assert heading(page) == "Nothing is firing, petstore runs 2 versions"


async def test_a_site_without_services_says_how_to_get_some(
    place: Place, viewer: AsyncClient
) -> None:
    page = await viewer.get("/sites/staging/")

    assert "[sites.staging.services.NAME]" in text(page)


async def test_what_was_never_set_up_is_no_trouble(place: Place, viewer: AsyncClient) -> None:
    page = await viewer.get("/sites/staging/")

    assert heading(page) == "staging has no source of alerts"
    for word in ("▲", "Jaeger", "Prometheus", "failing", "could not", "not known", "Firing"):
        assert word not in text(page), word
    led_to = [word for word, _ in links(page)]
    assert "Versions" in led_to
    assert not {"Traces", "Alerts", "Sampling"} & set(led_to)


async def test_a_page_of_what_was_never_set_up_says_so(place: Place, viewer: AsyncClient) -> None:
    for name in ("traces", "alerts"):
        page = await viewer.get(f"/sites/staging/{name}/")
        assert page.status_code == 404
        assert heading(page) == "Not set up for this site"


@ANY_JAEGER
async def test_the_bot_is_not_asked_for_where_none_is_set_up(
    place: Place, viewer: AsyncClient
) -> None:
    assert "every 5s" not in (await viewer.get(OVERVIEW)).content.decode()


@ANY_JAEGER
async def test_the_default_site_is_meant_without_a_name(place: Place, viewer: AsyncClient) -> None:
    fill(place)

    assert heading(await viewer.get("/")) == "1 alert firing"
