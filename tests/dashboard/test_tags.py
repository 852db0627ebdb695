"""Every tag of a page that can be searched for finds its trace."""

import html
import re
import time
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from django.test import AsyncClient

from ops.vocabulary.filters import parse_query
from tests.dashboard.places import Place, text
from tests.fakes.jaeger import span, trace
from tests.traces.odd import NAMES, VALUES

pytestmark = pytest.mark.django_db(transaction=True)
TRACES = "/sites/production/traces/"
HOUR = 3_600_000_000_000


def searches(content: str) -> list[str]:
    """The addresses of the searches that a page offers."""
    found = re.findall(r'<a href="([^"]*)">search<span', content)
    return [html.unescape(address) for address in found]


ODD = {
    **{f"v{number}": value for number, value in enumerate(VALUES)},
    **{f"n{number}{name}": name for number, name in enumerate(NAMES)},
}


@pytest.mark.parametrize(
    ("release", "tags", "ago"),
    [
        ("2.13", ODD, 0),  # as many searches as tags: one Jaeger is enough for them
        ("2.13", {"hundred": 100.0}, 70 * HOUR),
        ("2.20", {"hundred": 100.0}, 70 * HOUR),
    ],
)
async def test_each_tag_finds_its_span_and_nothing_else(
    place: Place, viewer: AsyncClient, tags: dict[str, Any], ago: int
) -> None:
    odd = span("store", "odd", tags=tags, start=time.time_ns() - ago)
    wanted = place.jaeger.add(trace(odd))
    place.jaeger.add(trace(span("store", "odd", start=time.time_ns() - ago)))
    page = await viewer.get(f"{TRACES}{wanted}/", {"span": odd.span_id})
    content = page.content.decode()

    assert "<script>alert" not in content and "<img" not in content
    addresses = searches(content)
    assert len(addresses) == len(tags)
    for address in addresses:
        found = await viewer.get(address)
        links = set(re.findall(rf'href="{TRACES}([0-9a-f]{{32}})/"', found.content.decode()))
        assert links == {wanted}, address
        assert "<script>alert" not in found.content.decode()


async def test_a_key_given_twice_shows_both_and_offers_what_jaeger_finds(
    place: Place, viewer: AsyncClient
) -> None:
    made = trace(span("store", "odd", tags={"twice": "one", "other": "x"}, span_id="5" * 16))
    made.resource_spans[0].scope_spans[0].spans[0].attributes[1].key = "twice"
    page = await viewer.get(f"{TRACES}{place.jaeger.add(made)}/", {"span": "5" * 16})

    assert "twice one" in text(page) and "twice x" in text(page)
    lines = [parse_qs(urlsplit(each).query)["q"][0] for each in searches(page.content.decode())]
    assert [parse_query(line).tags for line in lines] == [(("twice", "one"),)]


@pytest.mark.parametrize("service", ["", "renamed"])
async def test_no_search_is_offered_where_the_service_cannot_be_named(
    place: Place, viewer: AsyncClient, service: str
) -> None:
    odd = span(service, "odd", tags={"key": "value"})
    page = await viewer.get(f"{TRACES}{place.jaeger.add(trace(odd))}/", {"span": odd.span_id})

    assert bool(searches(page.content.decode())) == bool(service)
