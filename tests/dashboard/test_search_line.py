"""Searching traces: the line, the fields, and what is wrong with them."""

from urllib.parse import urlencode

import grpc
import pytest
from django.test import AsyncClient

from tests.dashboard.places import Place, field, heading, text
from tests.dashboard.searching import SEARCH, failing
from tests.fakes.jaeger import ANY_JAEGER, EITHER_JAEGER, span, trace

pytestmark = pytest.mark.django_db(transaction=True)


@EITHER_JAEGER
async def test_it_narrows_by_what_was_typed_and_keeps_it(place: Place, viewer: AsyncClient) -> None:
    place.jaeger.add(trace(span("petstore", "AddPets")), failing())
    line = "service=petstore error   last=30m"

    page = await viewer.get(SEARCH, {"q": line})

    assert heading(page) == "1 trace, 1 failed"
    assert field(page, "q") == line
    assert field(page, "tags") == "error"


@EITHER_JAEGER
async def test_its_fields_lead_to_the_line_that_means_the_same(
    place: Place, viewer: AsyncClient
) -> None:
    fields = {"fields": "1", "service": "petstore", "tags": "error http.status_code=500"}
    fields |= {"span_min": "100ms", "trace_max": "10s", "last": "6h", "limit": "50"}

    answer = await viewer.get(SEARCH, fields)
    page = await viewer.get(answer["Location"])

    line = "service=petstore error http.status_code=500 min=100ms trace-max=10s last=6h limit=50"
    assert answer.status_code == 302
    assert field(page, "q") == line
    assert [field(page, name) for name in ("tags", "span_min", "trace_max", "limit")] == [
        "error http.status_code=500", "100ms", "10s", "50",
    ]  # fmt: skip


async def test_its_fields_keep_what_was_typed_beside_each_refusal(
    place: Place, viewer: AsyncClient
) -> None:
    fields = {"fields": "1", "service": "petstore", "span_min": "soon", "start": "someday"}
    fields |= {"tags": "alone", "limit": "0"}

    page = await viewer.get(SEARCH, fields)

    assert page.status_code == 400
    assert {name: field(page, name) for name in fields if name != "fields"} == {
        name: value for name, value in fields.items() if name != "fields"
    }
    assert '"soon" is not a duration' in text(page)
    assert '"someday" is not a time' in text(page)
    assert '"alone" has no value' in text(page)
    assert place.jaeger.calls == []


async def test_its_fields_refuse_what_only_together_is_wrong(
    place: Place, viewer: AsyncClient
) -> None:
    fields = {"fields": "1", "span_min": "2s", "span_max": "1s", "limit": "20"}

    page = await viewer.get(SEARCH, fields)

    assert page.status_code == 400
    assert "min is 2s, which is more than max, 1s" in text(page)


@ANY_JAEGER
async def test_what_people_type_becomes_a_line_and_the_page_says_how_it_was_read(
    place: Place, viewer: AsyncClient
) -> None:
    typed = "weird failed requests of petstroe over 100ms"

    page = await viewer.get(SEARCH, {"q": typed, "sent": "1"}, follow=True)

    assert field(page, "q") == "service=petstore error trace-min=100ms"
    assert 'Read as service=petstore error trace-min=100ms , without "weird" .' in text(page)
    assert page.redirect_chain == [
        (
            f"{SEARCH}?q=service%3Dpetstore+error+trace-min%3D100ms&{urlencode({'typed': typed})}",
            302,
        )
    ]
    again = await viewer.get(SEARCH, {"q": "error", "typed": typed})
    assert "Read as" not in text(again)


@ANY_JAEGER
async def test_a_service_alone_is_a_line(place: Place, viewer: AsyncClient) -> None:
    page = await viewer.get(SEARCH, {"q": "petstore error"})

    assert (field(page, "q"), field(page, "service")) == ("petstore error", "petstore")
    assert "Read as" not in text(page)


async def test_it_says_what_is_wrong_with_the_line_and_keeps_it(
    place: Place, viewer: AsyncClient
) -> None:
    page = await viewer.get(SEARCH, {"q": "limit=0 <b>"})

    assert page.status_code == 400
    assert field(page, "q") == "limit=0 <b>"
    assert '"<b>" cannot be read: write KEY=VALUE' in text(page)
    assert page["X-Request-ID"] in text(page)
    assert "FindTraces" not in place.jaeger.methods()


@EITHER_JAEGER
async def test_it_keeps_the_line_when_jaeger_is_down(place: Place, viewer: AsyncClient) -> None:
    place.jaeger.fail(grpc.StatusCode.UNAVAILABLE, "no")

    page = await viewer.get(SEARCH, {"q": "error last=2h"})

    assert page.status_code == 502
    assert heading(page) == "Jaeger of production did not answer"
    assert field(page, "q") == "error last=2h"
    assert field(page, "tags") == "error"


async def test_a_trace_id_in_the_line_leads_to_that_trace(
    place: Place, viewer: AsyncClient
) -> None:
    answer = await viewer.get(SEARCH, {"q": " 17B4F65B0D9F038E2A7BC5EA84309AF2 "})

    assert answer.status_code == 302
    assert answer["Location"] == f"{SEARCH}17b4f65b0d9f038e2a7bc5ea84309af2/"


async def test_a_site_in_the_line_leads_to_that_site(place: Place, viewer: AsyncClient) -> None:
    answer = await viewer.get("/traces/", {"q": "site=staging error"})

    assert answer.status_code == 302
    assert answer["Location"] == "/sites/staging/traces/?q=error"


async def test_a_site_that_is_not_there_is_refused_by_the_line(
    place: Place, viewer: AsyncClient
) -> None:
    page = await viewer.get(SEARCH, {"q": "site=stagin error"})

    assert page.status_code == 404
    assert field(page, "q") == "site=stagin error"
    assert 'did you mean "staging"?' in text(page)
