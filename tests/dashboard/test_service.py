"""`/services/NAME/`: what is wrong with a service, with everything that says so."""

import grpc
import pytest
from django.test import AsyncClient

from ops.vocabulary import timerange
from ops.vocabulary.timerange import MINUTE, SECOND
from tests.dashboard.places import Place, heading, link, text
from tests.fakes.jaeger import ANY_JAEGER, EITHER_JAEGER, MILLISECOND, span, trace
from tests.fakes.prometheus import alert

pytestmark = pytest.mark.django_db(transaction=True)
SERVICE = "/sites/production/services/petstore/"


def add(place: Place, number: int, minutes_ago: int, took: int, *, error: str = "") -> str:
    start = timerange.now_ns() - minutes_ago * MINUTE
    found = ""
    for each in range(number):
        query = [span("store", "Query", error=error)] if error else []
        root = span(
            "petstore", "AddPets", start=start + each * SECOND, duration=took * MILLISECOND,
            children=query, error="it failed" if error else None,
        )  # fmt: skip
        found = place.jaeger.add(trace(root))
    return found


@EITHER_JAEGER
async def test_it_says_what_is_wrong_and_leads_to_it(place: Place, viewer: AsyncClient) -> None:
    slow = alert("SlowSearch", severity="critical", job="petstore")
    place.prometheus.rule("SlowSearch", {**slow, "annotations": {"summary": "p95 1 s"}})
    add(place, 20, 40, 40)
    add(place, 10, 10, 90)
    failed = add(place, 10, 5, 90, error="no disk")

    page = await viewer.get(SERVICE)

    assert heading(page).startswith(
        "petstore: 1 critical alert firing (SlowSearch), "
        "50% of 20 traces failed (0% the hour before), AddPets takes 90 ms in the median"
    )
    shown = text(page)
    compared = "10 of 20 before 0 of 20 90 ms before 40 ms 90 ms before 40 ms"
    assert f"AddPets {compared} failed : Query: no disk" in shown
    assert "p95 1 s" in shown
    assert link(page, "failed") == f"/sites/production/traces/{failed}/"
    overview = await viewer.get("/sites/production/")
    assert link(overview, "petstore") == SERVICE


@ANY_JAEGER
async def test_it_is_not_calm_while_something_does_not_answer(
    place: Place, viewer: AsyncClient
) -> None:
    place.jaeger.fail(grpc.StatusCode.UNAVAILABLE, "away")
    page = await viewer.get(SERVICE)
    assert heading(page).startswith("Not sure about petstore: ")
    assert "Jaeger of production" in text(page)


async def test_a_service_that_is_none_is_not_found(place: Place, viewer: AsyncClient) -> None:
    page = await viewer.get("/sites/production/services/petstor/")
    assert page.status_code == 404
    assert "did you mean" in text(page)


@ANY_JAEGER
async def test_what_differs_from_the_hour_before_is_a_page_of_its_own(
    place: Place, viewer: AsyncClient
) -> None:
    add(place, 30, 40, 40)
    add(place, 20, 5, 40, error="no disk")
    page = await viewer.get(link(await viewer.get(SERVICE), "what differs from the hour before"))
    assert heading(page) == "petstore: the last 15 min and the hour before"
    assert "petstore fails 100% of 20 traces, none of 30 the hour before" in text(page)
    assert "New: no disk in Query of store in 20 of 20 traces" in text(page)
