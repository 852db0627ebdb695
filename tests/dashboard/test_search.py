"""Searching traces: the line, the fields, permalinks, what goes wrong."""

import time
from urllib.parse import parse_qs, unquote, urlsplit

import grpc
import pytest
from django.test import AsyncClient
from opentelemetry.proto.trace.v1.trace_pb2 import TracesData

from ops.timerange import SECOND, format_moment
from tests.dashboard.places import Place, field, heading, link, links, text
from tests.fakes.jaeger import MILLISECOND, span, trace

SEARCH = "/sites/production/traces/"
pytestmark = pytest.mark.django_db(transaction=True)


def failing() -> TracesData:
    query = span("store", "store.Query", error="deadline exceeded")
    return trace(span("petstore", "SearchPets", children=[query], error="it failed"))


async def test_it_says_how_many_traces_there_are_and_how_many_failed(
    place: Place, viewer: AsyncClient
) -> None:
    place.jaeger.add(trace(span("petstore", "AddPets")), trace(span("petstore", "AddPets")))
    failed = place.jaeger.add(failing())

    page = await viewer.get(SEARCH)

    assert page.status_code == 200
    assert heading(page) == "3 traces, 1 failed"
    assert link(page, "petstore SearchPets") == f"{SEARCH}{failed}/"
    assert "▲ store.Query: deadline exceeded" in text(page)


async def test_it_narrows_by_what_was_typed_and_keeps_it(place: Place, viewer: AsyncClient) -> None:
    place.jaeger.add(trace(span("petstore", "AddPets")), failing())
    line = "service=petstore error   last=30m"

    page = await viewer.get(SEARCH, {"q": line})

    assert heading(page) == "1 trace, 1 failed"
    assert field(page, "q") == line
    assert field(page, "tags") == "error"


async def test_its_permalink_has_absolute_times_and_finds_the_same(
    place: Place, viewer: AsyncClient
) -> None:
    place.jaeger.add(failing())

    first = await viewer.get(SEARCH, {"q": "error last=2h"})
    address = link(first, "permalink")
    again = await viewer.get(address)

    query = parse_qs(urlsplit(address).query)["q"][0]
    assert "last=" not in query
    assert "now" not in query
    assert query.startswith("service=petstore error from=2")
    assert link(again, "permalink") == address
    assert heading(again) == heading(first)


async def test_it_offers_the_older_ones_when_the_limit_cut_the_list(
    place: Place, viewer: AsyncClient
) -> None:
    now = time.time_ns()
    starts = [now - ago * SECOND for ago in (1, 2, 3)]
    for start in starts:
        place.jaeger.add(trace(span("petstore", "AddPets", start=start)))

    page = await viewer.get(SEARCH, {"q": "limit=2"})
    address = link(page, "there may be more: older")
    older = await viewer.get(address)

    # Which two of the three Jaeger picks is its own affair.
    oldest_shown = max(
        start for start in starts if f"to={format_moment(start)}" in unquote(address)
    )
    assert heading(page) == "2 traces, none failed"
    assert "first 2," in text(page)
    assert oldest_shown in starts[1:]
    assert older.status_code == 200


async def test_its_chips_narrow_to_failures_and_operations(
    place: Place, viewer: AsyncClient
) -> None:
    place.jaeger.add(trace(span("petstore", "AddPets")), failing())

    page = await viewer.get(SEARCH)
    failed = await viewer.get(link(page, "▲ failed 1"))
    added = await viewer.get(link(page, "AddPets 1"))

    assert heading(failed) == "1 trace, 1 failed"
    assert heading(added) == "1 trace, none failed"
    assert heading(await viewer.get(link(added, "all"))) == "2 traces, 1 failed"


async def test_what_did_not_fail_narrows_to_what_did(place: Place, viewer: AsyncClient) -> None:
    place.jaeger.add(trace(span("petstore", "AddPets")), failing())

    page = await viewer.get(SEARCH, {"q": "error=false"})
    failed = await viewer.get(link(page, "▲ failed 0"))

    assert heading(page) == "1 trace, none failed"
    assert heading(failed) == "1 trace, 1 failed"


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
    fields = {"fields": "1", "service": "petstore", "span_min": "soon", "start": "yesterday"}
    fields |= {"tags": "alone", "limit": "0"}

    page = await viewer.get(SEARCH, fields)

    assert page.status_code == 400
    assert {name: field(page, name) for name in fields if name != "fields"} == {
        name: value for name, value in fields.items() if name != "fields"
    }
    assert '"soon" is not a duration' in text(page)
    assert '"yesterday" is not a time' in text(page)
    assert '"alone" stands alone' in text(page)
    assert place.jaeger.calls == []


async def test_its_fields_refuse_what_only_together_is_wrong(
    place: Place, viewer: AsyncClient
) -> None:
    fields = {"fields": "1", "span_min": "2s", "span_max": "1s", "limit": "20"}

    page = await viewer.get(SEARCH, fields)

    assert page.status_code == 400
    assert "min is 2s, which is more than max, 1s" in text(page)


async def test_it_says_what_is_wrong_with_the_line_and_keeps_it(
    place: Place, viewer: AsyncClient
) -> None:
    page = await viewer.get(SEARCH, {"q": "servic=petstore <b>"})

    assert page.status_code == 400
    assert field(page, "q") == "servic=petstore <b>"
    assert 'did you mean "service"?' in text(page)
    assert page["X-Request-ID"] in text(page)
    assert place.jaeger.calls == []


async def test_it_keeps_the_line_when_jaeger_is_down(place: Place, viewer: AsyncClient) -> None:
    place.jaeger.fail(grpc.StatusCode.UNAVAILABLE, "no")

    page = await viewer.get(SEARCH, {"q": "error last=2h"})

    assert page.status_code == 502
    assert heading(page) == "Jaeger of production does not answer"
    assert field(page, "q") == "error last=2h"
    assert field(page, "tags") == "error"


async def test_it_says_what_to_do_when_nothing_matches(place: Place, viewer: AsyncClient) -> None:
    long_ago = trace(span("petstore", "AddPets", start=1_700_000_000_000_000_000))
    place.jaeger.add(long_ago)

    page = await viewer.get(
        SEARCH, {"q": "error from=2023-11-14T23:00:00Z to=2023-11-14T23:30:00Z"}
    )
    wider = await viewer.get(link(page, "Look six times as far back"))

    assert heading(page) == "No trace matches"
    assert "search without tags and operation" in text(page)
    assert heading(wider) == "No trace matches"
    plain = await viewer.get(link(wider, "search without tags and operation"))
    assert heading(plain) == "1 trace, none failed"


async def test_a_trace_id_in_the_line_leads_to_that_trace(
    place: Place, viewer: AsyncClient
) -> None:
    answer = await viewer.get(SEARCH, {"q": " 17B4F65B0D9F038E2A7BC5EA84309AF2 "})

    assert answer.status_code == 302
    assert answer["Location"] == f"{SEARCH}17B4F65B0D9F038E2A7BC5EA84309AF2/"


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


async def test_hostile_names_stay_text(place: Place, viewer: AsyncClient) -> None:
    name = "<script>alert(1)</script>\u202e" + "x" * 10_000
    place.jaeger.add(trace(span("petstore", name, error="<img src=x>\u202e")))

    page = await viewer.get(SEARCH)

    html = page.content.decode()
    assert "<script>alert" not in html
    assert "<img src=x>" not in html
    assert len(html) < 30_000
    assert "<bdi>" in html


async def test_durations_are_drawn_against_the_longest(place: Place, viewer: AsyncClient) -> None:
    place.jaeger.add(
        trace(span("petstore", "AddPets", duration=40 * MILLISECOND)),
        trace(span("petstore", "AddPets", duration=10 * MILLISECOND)),
    )

    html = (await viewer.get(SEARCH)).content.decode()

    assert 'width="100.0%"' in html
    assert 'width="25.0%"' in html
    assert "style=" not in html


async def test_nobody_without_the_right_sees_traces_or_the_form(
    place: Place, newcomer: AsyncClient
) -> None:
    page = await newcomer.get(SEARCH, {"q": "error"})

    assert page.status_code == 403
    assert heading(page) == "You may not do this"
    assert "traces.view_traces" in text(page)
    assert not any(address.startswith(SEARCH) for _, address in links(page))
