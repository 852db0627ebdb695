"""Searching traces: permalinks, older and newer ones, narrowing, sorting, following."""

import re
import time
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import pytest
from django.test import AsyncClient

from ops.vocabulary.timerange import SECOND
from tests.dashboard.places import Place, field, heading, link, links, text
from tests.dashboard.searching import SEARCH, failing, long_past
from tests.fakes.jaeger import ANY_JAEGER, EITHER_JAEGER, span, trace

pytestmark = pytest.mark.django_db(transaction=True)


def took(page: Any) -> list[str]:
    """The durations in the table, from top to bottom."""
    return re.findall(r'<td class="number took[^"]*">([^<]*)<', page.content.decode())


@EITHER_JAEGER
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


@EITHER_JAEGER
async def test_it_offers_the_older_ones_when_the_limit_cut_the_list(
    place: Place, viewer: AsyncClient
) -> None:
    starts = [time.time_ns() - ago * SECOND for ago in (1, 2, 3)]
    for start in starts:
        place.jaeger.add(trace(span("petstore", "AddPets", start=start)))

    page = await viewer.get(SEARCH, {"q": "limit=2"})
    older = await viewer.get(link(page, "there may be more: older"))

    assert re.fullmatch(r"2 traces, none failed, covering the last .* s of 1 h", heading(page))
    assert heading(older) == "1 trace, none failed"


@EITHER_JAEGER
async def test_a_list_that_fills_most_of_the_window_has_no_need_to_say_so(
    place: Place, viewer: AsyncClient
) -> None:
    line = long_past(place, *[1] * 50).replace("limit=1500", "limit=49").replace("T11:00", "T11:59")
    assert heading(await viewer.get(SEARCH, {"q": line})) == "49 traces, none failed"


@EITHER_JAEGER
async def test_newer_goes_on_where_the_range_ends(place: Place, viewer: AsyncClient) -> None:
    long_past(place, 1)

    page = await viewer.get(
        SEARCH, {"q": "from=2024-01-01T10:30:00Z to=2024-01-01T11:30:00Z", "sort": "spans"}
    )
    newer = link(page, "newer")

    assert heading(page) == "No trace matches"
    assert "from=2024-01-01T11:30:00Z to=2024-01-01T12:30:00Z" in unquote(newer).replace("+", " ")
    assert heading(await viewer.get(newer)) == "1 trace, none failed"


@EITHER_JAEGER
async def test_an_empty_list_that_was_cut_offers_older_ones(
    place: Place, viewer: AsyncClient
) -> None:
    line = long_past(place, *[1] * 3_010).replace("limit=1500", "limit=1 trace-min=1h")

    page = await viewer.get(SEARCH, {"q": line})

    assert re.fullmatch(r"No trace matches in the last .* of 1 h", heading(page))
    older = unquote(link(page, "Continue with older traces")).replace("+", " ")
    assert "from=2024-01-01T11:00:00Z to=2024-01-01T12:00:00Z before=2024-01-01T11:" in older


@EITHER_JAEGER
async def test_its_chips_narrow_to_failures_and_back(place: Place, viewer: AsyncClient) -> None:
    place.jaeger.add(trace(span("petstore", "AddPets")), failing())

    page = await viewer.get(SEARCH)
    failed = await viewer.get(link(page, "▲ failed 1"))

    assert heading(failed) == "1 trace, 1 failed"
    assert heading(await viewer.get(link(failed, "all"))) == "2 traces, 1 failed"
    fine = await viewer.get(SEARCH, {"q": "error=false"})
    assert heading(fine) == "1 trace, none failed"
    assert heading(await viewer.get(link(fine, "▲ failed 0"))) == "1 trace, 1 failed"


@EITHER_JAEGER
async def test_what_did_not_fail_narrows_to_what_did(place: Place, viewer: AsyncClient) -> None:
    place.jaeger.add(trace(span("petstore", "AddPets")), failing())

    page = await viewer.get(SEARCH, {"q": "error=false"})
    failed = await viewer.get(link(page, "▲ failed 0"))

    assert heading(page) == "1 trace, none failed"
    assert heading(failed) == "1 trace, 1 failed"


@EITHER_JAEGER
async def test_its_links_keep_conditions(place: Place, viewer: AsyncClient) -> None:
    ok = trace(span("petstore", "AddPets", tags={"code": 200}))
    slow = trace(span("petstore", "AddPets", tags={"code": 504}, error="timeout: x"))
    place.jaeger.add(ok, slow, trace(span("petstore", "Health", tags={"code": 302})))

    page = await viewer.get(SEARCH, {"q": "code!=200 operation!=Health error=~timeout.*"})

    assert heading(page) == "1 trace, 1 failed"
    assert "1 of 3 traces from Jaeger match" in text(page)
    assert heading(await viewer.get(link(page, "permalink"))) == "1 trace, 1 failed"
    everything = await viewer.get(link(page, "all"))
    assert heading(everything) == "2 traces, 1 failed"
    assert field(everything, "tags") == "code!=200"
    none = await viewer.get(SEARCH, {"q": "code>600"})
    assert "though Jaeger returned 3 traces to look at" in text(none)
    assert heading(await viewer.get(link(none, "search without tags and operation"))).startswith(
        "3"
    )


@EITHER_JAEGER
async def test_services_can_be_left_out(place: Place, viewer: AsyncClient) -> None:
    query = span("store", "Query", tags={"code": 1})
    place.jaeger.add(trace(span("petstore", "AddPets", children=[query])))
    place.jaeger.add(trace(span("store", "Sweep")), trace(span("petstore", "Health")))

    page = await viewer.get(SEARCH, {"q": "service!=petstore operation!=Sweep"})

    assert heading(page) == "1 trace, none failed"
    assert "every service" in text(page)
    one = await viewer.get(link(page, "petstore AddPets"))
    assert field(one, "q").startswith("service=petstore operation=AddPets operation!=Sweep ")


@EITHER_JAEGER
async def test_sorting_paging_and_narrowing_do_not_ask_jaeger_again(
    place: Place, viewer: AsyncClient
) -> None:
    line = long_past(place, *range(1, 131))

    page = await viewer.get(SEARCH, {"q": line})
    asked = len(place.jaeger.calls)
    slowest = await viewer.get(link(page, "Duration"))
    fastest = await viewer.get(link(slowest, "Duration ↓"))
    second = await viewer.get(link(fastest, "next"))

    assert heading(second) == "130 traces, none failed"
    assert took(page)[:2] == ["1 ms", "2 ms"]
    assert took(slowest)[0] == "130 ms"
    assert took(fastest)[0] == "1 ms"
    assert took(second) == [f"{number} ms" for number in range(101, 131)]
    assert "101 to 130 of 130 rows" in text(second)
    assert took(await viewer.get(link(second, "previous"))) == took(fastest)
    assert len(place.jaeger.calls) == asked
    assert 'aria-sort="descending"' in slowest.content.decode()
    assert fastest.content.decode().count("aria-sort=") == 1
    assert 'aria-sort="ascending"' in fastest.content.decode()


@EITHER_JAEGER
async def test_what_leads_on_keeps_the_times_and_the_order(
    place: Place, viewer: AsyncClient
) -> None:
    place.jaeger.add(trace(span("petstore", "AddPets")), failing())

    page = await viewer.get(SEARCH, {"q": "last=2h", "sort": "-spans"})

    for word in ("Time, UTC", "▲ failed 1", "SearchPets", "Errors"):
        query = parse_qs(urlsplit(link(page, word)).query)
        assert "from=2" in query["q"][0]
        assert "last=" not in query["q"][0]
    assert parse_qs(urlsplit(link(page, "SearchPets")).query)["sort"] == ["-spans"]


@EITHER_JAEGER
async def test_an_order_that_is_none_is_newest_first(place: Place, viewer: AsyncClient) -> None:
    line = long_past(place, 1, 2)

    page = await viewer.get(SEARCH, {"q": line, "sort": "colour"})

    assert page.status_code == 200
    assert took(page) == ["1 ms", "2 ms"]


@EITHER_JAEGER
async def test_an_operation_narrows_and_is_lifted(place: Place, viewer: AsyncClient) -> None:
    line = long_past(place, 1, 2)
    long_past(place, 30, operation="SearchPets")

    page = await viewer.get(SEARCH, {"q": line})
    narrowed = await viewer.get(link(page, "AddPets"))

    assert heading(page) == "3 traces, none failed"
    assert heading(narrowed) == "2 traces, none failed"
    assert "operation=AddPets" in field(narrowed, "q")
    lifted = await viewer.get(link(narrowed, "AddPets ✕ all operations"))
    assert heading(lifted) == "3 traces, none failed"


@EITHER_JAEGER
async def test_an_operation_of_another_service_names_it(place: Place, viewer: AsyncClient) -> None:
    child = span("store", "Query")
    place.jaeger.add(trace(span("gate", "GET /", children=[child])))

    page = await viewer.get(SEARCH, {"q": "service=store"})

    query = parse_qs(urlsplit(link(page, "gate GET /")).query)["q"][0]
    assert query.startswith('service=gate operation="GET /" ')
    assert heading(await viewer.get(link(page, "gate GET /"))) == "1 trace, none failed"


@EITHER_JAEGER
async def test_many_operations_fold_up(place: Place, viewer: AsyncClient) -> None:
    for number in range(60):
        line = long_past(place, 1, operation=f"operation-{number:02}")

    page = await viewer.get(SEARCH, {"q": line})

    assert "52 more operations" in text(page)
    assert "12 more with no more traces than these" in text(page)


@ANY_JAEGER
async def test_a_search_up_to_now_can_be_followed(place: Place, viewer: AsyncClient) -> None:
    line = "service=petstore last=1h"
    plain = await viewer.get(SEARCH, {"q": line})
    follows = await viewer.get(link(plain, "follow"))
    none_yet = text(follows)
    place.jaeger.add(trace(span("petstore", "GET /pets")))
    found = await viewer.get(SEARCH, {"q": line, "follow": "1"})

    assert "following , every 5 s while this tab is shown" in none_yet
    assert "Compare selected" not in text(found), "rows that arrive are not selected"
    assert "data-pauses" in found.content.decode()
    assert link(found, "stop") == link(follows, "stop")
    assert "data-pauses" not in plain.content.decode()


@ANY_JAEGER
async def test_a_search_that_has_ended_is_not_followed(place: Place, viewer: AsyncClient) -> None:
    line = "service=petstore from=2026-11-24T14:00:00Z to=2026-11-24T15:00:00Z"

    plain = await viewer.get(SEARCH, {"q": line})
    asked = await viewer.get(SEARCH, {"q": line, "follow": "1"})

    assert "follow" not in [word for word, _ in links(plain)]
    assert asked.status_code == 302
    assert "follow" not in asked["Location"]
