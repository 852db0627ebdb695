"""Beside a trace: what else was true then."""

import html
import re
from typing import Any

import grpc
import pytest
from django.test import AsyncClient

from ops.database import in_database
from ops.incidents.actions import open_incident
from ops.vocabulary import timerange
from ops.vocabulary.alerts import FIRING
from ops.vocabulary.timerange import HOUR
from tests.alerts.making import alert
from tests.alerts.past import period
from tests.conftest import Person, actor_of
from tests.dashboard.places import Place, heading, link, links, text, words
from tests.fakes.jaeger import MILLISECOND, span, trace
from tests.fakes.prometheus import Fault

TRACES = "/sites/production/traces/"
PIECE = {"HX-Request": "true"}
pytestmark = pytest.mark.django_db(transaction=True)


async def address(place: Place, client: AsyncClient, *services: str) -> str:
    """Where the page of a trace through these services fetches the piece from, "" if nowhere."""
    inner = [span(service, "Work") for service in services[1:]]
    root = span(services[0], "SearchPets", children=inner, duration=1240 * MILLISECOND)
    shown = await client.get(f"{TRACES}{place.jaeger.add(trace(root))}/")
    found = re.search(r'hx-get="([^"]*/then/[^"]*)"', shown.content.decode())
    return html.unescape(found[1]) if found else ""


def remember(place: Place, name: str = "SlowSearch", **labels: str) -> None:
    place.prometheus.says(
        "petstore_build_info",
        ({"instance": "petstore-2", "version": "1.2.0"}, 1),
        ({"instance": "petstore-3", "version": "1.3.0"}, 1),
    )
    place.prometheus.remembers(
        'ALERTS{job="petstore"}', {"alertname": name, "alertstate": "firing", **labels}
    )


def said(piece: Any) -> str:
    return words(piece.content.decode())


async def test_the_trace_fetches_it_by_itself(place: Place, operator: AsyncClient) -> None:
    remember(place, severity="critical")
    await operator.post(
        "/sites/production/sampling/change/", {"service": "petstore", "strategy": "always"}
    )

    where = await address(place, operator, "petstore", "kafka")
    piece = await operator.get(where, headers=PIECE)

    assert "service=petstore" in where and "kafka" not in where
    assert re.fullmatch(
        r"At that time Sampling 100%, the policy of petstore then; the trace does not record it "
        r"· set \d+ s before petstore ran 1\.3\.0 on petstore-3, 1\.2\.0 on petstore-2 "
        r"▲ SlowSearch was firing \( critical \)",
        said(piece),
    )
    assert "<h1" not in piece.content.decode()
    assert link(piece, "SlowSearch").endswith("/alerts/?q=alertname%3D%22SlowSearch%22")
    assert link(piece, "1.3.0 on petstore-3, 1.2.0 on petstore-2").endswith("/versions/")


async def test_it_says_which_instances_confirmed(place: Place, operator: AsyncClient) -> None:
    place.second.fails = grpc.StatusCode.UNAVAILABLE
    await operator.post(
        "/sites/production/sampling/change/", {"service": "petstore", "strategy": "always"}
    )

    piece = await operator.get(f"{TRACES}abc/then/?service=petstore", headers=PIECE)

    assert said(piece).startswith(
        "At that time petstore sampling always , confirmed by 1 of 2, set "
    )
    assert link(piece, "sampling always").endswith("/sampling/?service=petstore")


async def test_it_is_empty_where_nothing_is_known(place: Place, viewer: AsyncClient) -> None:
    where = await address(place, viewer, "petstore", "store")

    piece = await viewer.get(where, headers=PIECE)
    whole = await viewer.get(where)

    assert "No sampling, versions or alerts are known" in said(piece)
    assert "No sampling, versions or alerts are known" in text(whole)


async def test_it_says_what_the_trace_itself_says(place: Place, operator: AsyncClient) -> None:
    remember(place)
    await operator.post(
        "/sites/production/sampling/change/", {"service": "petstore", "strategy": "always"}
    )
    root = span(
        "petstore",
        "SearchPets",
        tags={"sampler.type": "probabilistic", "sampler.param": 0.25},
        resource={"service.version": "1.3.0"},
        children=[span("kafka", "Work", resource={"service.version": "<b>7"})],
    )
    trace_id = place.jaeger.add(trace(root))

    piece = await operator.get(f"{TRACES}{trace_id}/then/?service=petstore", headers=PIECE)

    assert "Sampling 25%, as the trace itself says, though 100% was in force" in said(piece)
    assert "petstore 1.3.0 in this trace · ran 1.3.0 on petstore-3" in said(piece)
    assert "kafka <b>7 in this trace" in said(piece)


async def test_an_alert_that_history_knows_is_linked_itself(
    place: Place, operator: AsyncClient
) -> None:
    remember(place)
    now = timerange.now_ns()
    slow = alert("SlowSearch", {"job": "petstore"}, group="demo", sources=("main",))
    await in_database(period, slow, FIRING, now - HOUR, now + HOUR)

    piece = await operator.get(await address(place, operator, "petstore"), headers=PIECE)
    shown = await operator.get(link(piece, "SlowSearch"))

    assert heading(shown).startswith("SlowSearch")


async def test_an_incident_that_was_open_then_is_linked(
    place: Place, operator: AsyncClient, person: Person
) -> None:
    actor = actor_of(await in_database(person, "ann", "operators"))
    await open_incident(actor, title="petstore <b>slow", services=["petstore"], site="production")
    await open_incident(actor, title="store down", services=["store"], site="production")
    where = await address(place, operator, "petstore")

    piece = await operator.get(where, headers=PIECE)

    assert "Incident #1 petstore <b>slow , open" in said(piece)
    assert "store down" not in said(piece)
    assert link(piece, "#1 petstore <b>slow").endswith("/incidents/1/")


async def test_a_trace_without_duration_has_a_panel_for_it(
    place: Place, viewer: AsyncClient
) -> None:
    trace_id = place.jaeger.add(trace(span("petstore", "SearchPets", duration=0)))

    shown = await viewer.get(f"{TRACES}{trace_id}/")

    assert "Where the time went" not in text(shown)
    assert (
        f'<section class="panel then" hx-get="{TRACES}{trace_id}/then/?' in shown.content.decode()
    )


async def test_it_is_a_page_without_a_script(place: Place, viewer: AsyncClient) -> None:
    remember(place)
    where = await address(place, viewer, "petstore")

    shown = await viewer.get(where)

    assert heading(shown).startswith("Sampling, versions and alerts at ")
    assert "petstore ran 1.3.0 on petstore-3" in text(shown)
    assert where.startswith(link(shown, "trace"))


async def test_a_source_that_fails_is_named(place: Place, viewer: AsyncClient) -> None:
    place.prometheus.fault = Fault.INTERNAL

    piece = await viewer.get(f"{TRACES}abc/then/?service=petstore&service=store", headers=PIECE)

    assert said(piece).count("Prometheus main of production") == 1


async def test_foreign_words_do_nothing(place: Place, viewer: AsyncClient) -> None:
    remember(place, "<script>alert(1)</script>", severity="\u202e" + "x" * 10_000)

    piece = await viewer.get(f"{TRACES}abc/then/?service=petstore", headers=PIECE)

    assert "<script" not in piece.content.decode()
    assert "\u202e" not in piece.content.decode()
    assert len(piece.content) < 2_000


async def test_many_alerts_are_counted(place: Place, viewer: AsyncClient) -> None:
    place.prometheus.remembers(
        'ALERTS{job="petstore"}',
        *({"alertname": f"A{n}", "alertstate": "pending"} for n in range(12)),
    )

    piece = await viewer.get(f"{TRACES}abc/then/?service=petstore", headers=PIECE)

    assert len([word for word, _ in links(piece) if word.startswith("A")]) == 5
    assert said(piece).endswith("was pending 7 more alerts")


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ("start=yesterday", '"yesterday" is not a time'),
        ("start=now&end=then", '"then" is not a time'),
        ("start=now&end=now-1h", "is before the start"),
    ],
)
async def test_it_refuses_other_times(
    place: Place, viewer: AsyncClient, query: str, sentence: str
) -> None:
    shown = await viewer.get(f"{TRACES}abc/then/?{query}")

    assert shown.status_code == 400
    assert sentence in text(shown)
