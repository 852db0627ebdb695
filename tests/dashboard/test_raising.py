"""One press on an alert's page or a service's: sampled at 100% for 15 minutes, and the traces."""

import re
from pathlib import Path
from typing import Any

import grpc
import pytest
from django.test import AsyncClient
from pytest_django import Settings

from ops.database import in_database
from ops.incidents.actions import open_incident
from tests.conftest import Person, SiteFile, actor_of
from tests.dashboard.conftest import logged_in
from tests.dashboard.places import Place, heading, link, text
from tests.fakes.jaeger import ANY_JAEGER, span, trace
from tests.fakes.prometheus import alert

SITE = "/sites/production/"
TEN = {"service": "petstore", "strategy": "rate", "rate": "10%"}
PIECE = {"HX-Request": "true"}
pytestmark = [pytest.mark.django_db(transaction=True), ANY_JAEGER]


async def press_of(client: AsyncClient, page: str) -> tuple[str, dict[str, list[str]], str]:
    """Return the address, the fields and the text of the button that a page loads."""
    slot = re.search(r'hx-get="([^"]*/sample/)"', (await client.get(page)).content.decode())
    assert slot
    piece = (await client.get(slot[1], headers=PIECE)).content.decode()
    fields: dict[str, list[str]] = {}
    for name, value in re.findall(r'name="(service|about)" value="([^"]*)"', piece):
        fields.setdefault(name, []).append(value)
    button = re.search(r"<button.*?>(.*?)</button>", piece)
    return slot[1], fields, re.sub("<[^>]*>", "", button[1]) if button else ""


async def alert_page(place: Place, client: AsyncClient, job: str = "petstore") -> str:
    place.prometheus.rule("SlowSearch", alert("SlowSearch", job=job))
    return link(await client.get(f"{SITE}alerts/"), "SlowSearch")


async def test_from_an_alert_to_the_traces_that_arrive(place: Place, operator: AsyncClient) -> None:
    await operator.post(f"{SITE}sampling/change/", TEN)
    for _ in range(3):
        error = span("store", "Reserve", error="no stock")
        place.jaeger.add(trace(span("petstore", "SearchPets", children=[error])))
    page = await alert_page(place, operator, "store")

    press, fields, button = await press_of(operator, page)
    answer = await operator.post(press, fields)
    done = await operator.get(answer["Location"])

    assert button == "Sample petstore at 100% for 15 min"
    assert fields == {"service": ["petstore"], "about": ["store"]}
    assert re.match(r"petstore is sampled at 100% until \d\d:\d\d:\d\d UTC$", heading(done))
    assert "10% → 100% : 2 of 2 instances confirmed" in text(done)
    assert place.first.told[-1] == ("STFloat", 1.0)
    assert "SlowSearch is firing" in text(await operator.get(f"{SITE}sampling/"))
    _, _, button = await press_of(operator, page)
    assert button == "", "nothing is left to press"
    assert "✓ petstore keeps every trace until" in text(await operator.get(press))

    place.jaeger.add(trace(span("petstore", "GET /new", children=[span("store", "Reserve")])))
    follows = await operator.get(link(done, "Follow the traces of store"))
    assert "following , every 5 s" in text(follows)
    assert "GET /new" in text(follows)


@pytest.fixture
def approver(person: Person) -> AsyncClient:
    return logged_in(person("ada", "approvers"))


async def test_a_press_on_a_service_above_its_ceiling_asks_and_says_who_can_approve(
    ceiling: Place, operator: AsyncClient, approver: AsyncClient
) -> None:
    await operator.post(f"{SITE}sampling/change/", TEN)
    press, fields, _ = await press_of(operator, f"{SITE}services/petstore/")

    answer = await operator.post(press, fields)
    waits = await operator.get(answer["Location"])

    assert heading(waits) == "Waiting for approval: sampling of petstore at 100% for 15 min"
    assert "Over petstore's ceiling of 50 traces/s: about 200 traces/s." in text(waits)
    assert "Somebody else with the right to approve has 10 minutes." in text(waits)
    assert ceiling.first.told == [("STFloat", 0.1)]
    await approver.post(link(waits, "The request"), {"decision": "apply"})
    assert "is sampled at 100%" in heading(await operator.get(answer["Location"]))


async def test_a_request_that_is_refused_or_fails_says_so(
    ceiling: Place, operator: AsyncClient, approver: AsyncClient
) -> None:
    await operator.post(f"{SITE}sampling/change/", TEN)
    press, fields, _ = await press_of(operator, f"{SITE}services/petstore/")
    first = await operator.post(press, fields)
    request = link(await operator.get(first["Location"]), "The request")
    await approver.post(request, {"decision": "cancel", "reason": "not now"})
    second = await operator.post(press, fields)
    ceiling.first.fails = ceiling.second.fails = grpc.StatusCode.INTERNAL
    request = link(await operator.get(second["Location"]), "The request")
    await approver.post(request, {"decision": "apply"})

    refused, failed = await operator.get(first["Location"]), await operator.get(second["Location"])

    assert "Refused by ada : not now" in text(refused)
    assert "0 of 2 instances confirmed" in text(failed)
    assert text(failed).count("did not confirm") == 2
    assert heading(failed).endswith(" UTC, confirmed by 0 of 2 instances")


async def test_an_incident_is_pressed_for_all_of_its_services(
    place: Place, operator: AsyncClient, person: Person
) -> None:
    await operator.post(f"{SITE}sampling/change/", TEN)
    ann = actor_of(await in_database(person, "ann", "operators"))
    about = ["petstore", "store"]
    await open_incident(ann, title="slow", services=about, site="production")
    place.jaeger.add(trace(span("petstore", "GET /", children=[span("store", "Reserve")])))

    press, fields, button = await press_of(operator, f"{SITE}incidents/1/")
    answer = await operator.post(press, fields)

    assert button == "Sample petstore at 100% for 15 min"
    assert fields == {"service": ["petstore"], "about": about}
    assert "petstore is sampled at 100%" in heading(await operator.get(answer["Location"]))


async def test_what_failed_is_said_for_each_service(place: Place, operator: AsyncClient) -> None:
    await operator.post(f"{SITE}sampling/change/", TEN)

    answer = await operator.post(
        f"{SITE}services/petstore/sample/", {"service": ["petstore", "store"]}
    )
    done = await operator.get(answer["Location"])

    assert "petstore is sampled at 100%" in heading(done)
    assert "; 1 other service not yet" in heading(done)
    assert 'there is nothing to change: service "store"' in text(done)


async def test_without_a_script_the_same_is_a_page(place: Place, operator: AsyncClient) -> None:
    page = await operator.get(f"{SITE}services/petstore/sample/")

    assert heading(page) == "Sample petstore at 100% for 15 min?"
    assert "nothing changed yet" in text(page)


@pytest.mark.parametrize("way", ["get", "post"])
async def test_viewers_have_no_such_button_and_are_refused(
    place: Place, viewer: AsyncClient, way: str
) -> None:
    press = f"{SITE}services/petstore/sample/"

    assert "Sample petstore" not in text(await viewer.get(f"{SITE}services/petstore/"))
    refused: Any = await getattr(viewer, way)(press, {"service": "petstore"})
    assert refused.status_code == 403
    assert place.first.told == []


@pytest.fixture
def asking(place: Place, site_file: SiteFile, settings: Settings) -> None:
    """The store's instances ask for their sampling."""
    remote = '[sites.production.remote]\ndefault_sampling = "1%"\n'
    site_file(Path(settings.SITES_FILE).read_text() + remote)


async def test_what_keeps_every_trace_of_some_operations_only_does_not_keep_every_trace(
    place: Place, operator: AsyncClient, asking: None
) -> None:
    store = {"service": "store", "strategy": "always", "operations": "GET /health = 0.1%"}
    await operator.post(f"{SITE}sampling/change/", store)

    done = await operator.get(f"{SITE}sampling/raised/?service=store")

    assert heading(done) == "Not changed: sampling of store at 100% for 15 min"
    assert "Every trace is kept" not in text(done)


@pytest.mark.parametrize(
    "query",
    [
        "",
        "?service=petstore&service=store" + "&about=petstore" * 2 + "&request=a" * 9,
        "?service=x",
    ],
)
async def test_an_address_of_a_result_that_says_nothing_is_refused(
    place: Place, viewer: AsyncClient, query: str
) -> None:
    assert (await viewer.get(f"{SITE}sampling/raised/{query}")).status_code in (400, 404)
