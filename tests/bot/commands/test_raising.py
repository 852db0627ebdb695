"""`sampling up`: one press in a chat, with what changes, who can approve, and the new traces."""

from dataclasses import replace

import pytest
from pytest_django import Settings

from ops.actor import Actor, Door
from tests.bot.conftest import SITES, Backends, said
from tests.conftest import SiteFile
from tests.fakes.jaeger import ANY_JAEGER, span, trace
from tests.fakes.prometheus import alert

pytestmark = [pytest.mark.django_db(transaction=True), ANY_JAEGER]


@pytest.fixture(autouse=True)
def public(settings: Settings) -> None:
    settings.PUBLIC_URL = "https://ops.example.com"


def add_failing(backends: Backends) -> None:
    error = span("store", "Reserve", error="no stock")
    backends.jaeger.add(trace(span("petstore", "SearchPets", children=[error])))
    backends.prometheus.rule("StoreSlow", alert("StoreSlow", job="store"))


async def test_the_button_of_an_alert_samples_where_its_traces_begin(
    operator: Actor, backends: Backends
) -> None:
    await said(operator, "change sampling 10% permanent now")
    add_failing(backends)

    shown = await said(operator, "show alert StoreSlow")
    [button] = [each for each in shown.follow_ups if each.line.startswith("sampling up")]
    reply = await said(operator, button.line)

    assert button.label == "Sample store at 100% for 15 min"
    assert reply.summary.startswith(
        "Sampling of petstore: 10% -> 100%, confirmed by 3 of 3 instances, until "
    )
    assert reply.notes == (
        "Of 1 failing traces of store, 1 begin in petstore: sampling is decided there.",
        "Reason: StoreSlow is firing",
    )
    [link] = reply.links
    assert link.label == "new traces of store, live"
    assert "follow=1" in link.url
    traces, back = reply.follow_ups
    assert traces.line.startswith("list traces store from=20")
    assert back.label == "Return to 10% now"
    again = await said(operator, 'sampling up alertname="StoreSlow"')
    assert again.summary == "petstore is sampled at 100%"
    assert again.rows[0].cells[1].startswith("keeps every trace already until ")


@pytest.mark.parametrize("line", ["sampling up", "sampling up petstore"])
async def test_a_card_asks_first_where_the_site_says_so(
    operator: Actor, backends: Backends, site_file: SiteFile, line: str
) -> None:
    await said(operator, "change sampling 10% permanent now")
    site_file(SITES.format(**vars(backends)).replace("change_now = true", "change_now = false"))
    olga = replace(operator, door=Door.CONSOLE)

    card = await said(olga, line)
    done = await said(olga, card.follow_ups[0].line)

    assert card.card
    assert card.summary.startswith("Change sampling of petstore: 10% -> 100% on 3 instances")
    assert "Reason: petstore 1.3.0 on 1 of 3" in card.notes
    assert [each.label for each in done.links] == ["sampling", "new traces of petstore, live"]


async def test_several_services_are_a_row_each_with_what_is_left_to_do(
    operator: Actor, backends: Backends, site_file: SiteFile
) -> None:
    await said(operator, "change sampling 10% permanent now")
    address = backends.instances[0].address
    site_file(
        SITES.format(**vars(backends)).replace(
            "[sites.demo.services.store]",
            f'[sites.demo.services.store]\ninstances = ["{address}"]\nsampling = "5%"\n'
            "sampling_ceiling = 1",
        )
    )
    add_failing(backends)
    backends.jaeger.add(trace(span("store", "Restock", error="")))

    reply = await said(operator, "sampling up StoreSlow")

    assert reply.summary == "petstore is sampled at 100%"
    by_service = {row.cells[0]: row.cells[1] for row in reply.rows}
    assert by_service["petstore"].startswith("confirmed by 3 of 3, until ")
    assert by_service["store"].startswith("waits for approval until ")
    assert [each.label for each in reply.follow_ups] == ["Approve store", "New traces of store"]
    assert "Reason: StoreSlow is firing" in reply.notes


async def test_what_is_neither_a_service_nor_an_alert_is_said(
    operator: Actor, viewer: Actor, backends: Backends
) -> None:
    unknown = await said(operator, "sampling up Nothing")
    assert unknown.failed
    assert (await said(viewer, "sampling up petstore")).failed
    assert [each.told for each in backends.instances] == [[]] * 3
