"""A trace's ID, or a link to it, opens the trace wherever somebody pastes it."""

import pytest
from django.test import AsyncClient

from tests.dashboard.places import Place
from tests.fakes.jaeger import span, trace

SITE = "/sites/production/"
ID = "17b4f65b0d9f038e2a7bc5ea84309af2"
OTHER = "9c01d2f4a7e3b8655d0e4f1a2b3c4d5e"
GRAFANA = f"https://grafana.example.com/explore?left=%7B%22query%22:%22{ID}%22%7D"
TRACE = f"{SITE}traces/{ID}/"
pytestmark = pytest.mark.django_db(transaction=True)


@pytest.mark.parametrize(
    ("address", "field", "typed"),
    [
        ("traces/", "q", GRAFANA),
        ("traces/", "q", f"trace_id={ID}"),
        ("traces/", "q", f'ERROR the queue is full {{"trace_id": "{ID}"}}'),
        ("alerts/", "q", f"trace {ID}"),
        ("", "find", f"00-{ID}-00f067aa0ba902b7-01"),
        ("versions/", "find", ID.upper()),
        ("sampling/", "find", f"jaeger.example.com/trace/{ID}"),
    ],
)
async def test_it_opens_the_trace(
    place: Place, operator: AsyncClient, address: str, field: str, typed: str
) -> None:
    answer = await operator.get(f"{SITE}{address}", {field: typed})
    assert (answer.status_code, answer["Location"]) == (302, TRACE)


async def test_two_are_compared(place: Place, viewer: AsyncClient) -> None:
    link = f"https://jaeger.example.com/trace/{ID}...{OTHER}"
    answer = await viewer.get(f"{SITE}traces/", {"q": link})
    assert answer["Location"] == f"{SITE}traces/compare/?trace={ID}&trace={OTHER}"


async def test_links_can_be_compared(place: Place, viewer: AsyncClient) -> None:
    ids = [place.jaeger.add(trace(span("petstore", "AddPets"))) for _ in range(2)]
    typed = [f"https://jaeger.example.com/trace/{each}" for each in ids]
    answer = await viewer.get(f"{SITE}traces/compare/", {"trace": typed})
    assert answer.status_code == 200


async def test_it_is_not_wrong_while_it_is_typed(place: Place, viewer: AsyncClient) -> None:
    for typed in (GRAFANA, f"failed, see trace {ID}"):
        assert (await viewer.get(f"{SITE}traces/step/", {"q": typed})).json() == {}
    tag = await viewer.get(f"{SITE}traces/step/", {"q": f"order.id={ID}"})
    assert tag.json()["fields"]["tags"] == f"order.id={ID}"
