"""Searching traces: the line, the fields, permalinks, what goes wrong."""

import re
import time
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qs, unquote, urlencode, urlsplit

import grpc
import pytest
from django.test import AsyncClient
from opentelemetry.proto.trace.v1.trace_pb2 import TracesData

from ops.database import in_database
from ops.sampling.actions import change_policy
from ops.vocabulary.policies import NEVER
from ops.vocabulary.timerange import SECOND
from tests.conftest import Person, actor_of
from tests.dashboard.places import Place, field, heading, link, links, text
from tests.fakes.jaeger import ANY_JAEGER, EITHER_JAEGER, MILLISECOND, Release, span, trace

SEARCH = "/sites/production/traces/"
pytestmark = pytest.mark.django_db(transaction=True)


def failing() -> TracesData:
    query = span("store", "store.Query", error="deadline exceeded")
    return trace(span("petstore", "SearchPets", children=[query], error="it failed"))


@EITHER_JAEGER
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


@ANY_JAEGER
async def test_no_match_means_little_if_sampling_is_off(
    place: Place, viewer: AsyncClient, person: Person
) -> None:
    olga = actor_of(await in_database(person, "olga", "operators"))
    await change_policy(olga, policy=NEVER, service="petstore", site="production")
    page = await viewer.get(SEARCH, {"q": "service=petstore error"})
    assert heading(page) == "No trace matches; sampling of petstore is off"


@EITHER_JAEGER
async def test_it_says_where_jaeger_counted_the_spans(
    place: Place, viewer: AsyncClient, release: Release
) -> None:
    once = trace(span("petstore", "AddPets"))
    place.jaeger.add(once, once)
    page = text(await viewer.get(SEARCH))
    assert ("one delivered twice counts twice" in page) == (release == "2.20")


@EITHER_JAEGER
async def test_it_narrows_by_what_was_typed_and_keeps_it(place: Place, viewer: AsyncClient) -> None:
    place.jaeger.add(trace(span("petstore", "AddPets")), failing())
    line = "service=petstore error   last=30m"

    page = await viewer.get(SEARCH, {"q": line})

    assert heading(page) == "1 trace, 1 failed"
    assert field(page, "q") == line
    assert field(page, "tags") == "error"


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
async def test_it_shows_when_a_trace_began_and_when_it_matched(
    place: Place, viewer: AsyncClient
) -> None:
    now = time.time_ns()
    failed = span("petstore", "last step", start=now - 60 * SECOND, error="disk full")
    batch = span("petstore", "batch", start=now - 5400 * SECOND, duration=5400 * SECOND)
    place.jaeger.add(trace(replace(batch, children=[failed])))

    page = await viewer.get(SEARCH, {"q": "error last=15m"})

    assert heading(page) == "1 trace, 1 failed"
    assert "matched " in text(page)
    assert "1 h 29 min after it started" in text(page)


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


def long_past(place: Place, *durations: int, operation: str = "AddPets") -> str:
    """Traces before a noon long ago; returns the line that finds them."""
    noon = 1_704_110_400 * SECOND
    for number, duration in enumerate(durations, 1):
        start = noon - number * SECOND
        root = span("petstore", operation, start=start, duration=duration * MILLISECOND)
        place.jaeger.add(trace(root))
    return "from=2024-01-01T11:00:00Z to=2024-01-01T12:00:00Z limit=1500"


def took(page: Any) -> list[str]:
    """The durations in the table, from top to bottom."""
    return re.findall(r'<td class="number took[^"]*">([^<]*)<', page.content.decode())


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
async def test_it_draws_every_trace_and_says_the_same_in_words(
    place: Place, viewer: AsyncClient
) -> None:
    line = long_past(place, *range(1, 131))

    page = await viewer.get(SEARCH, {"q": line})

    assert page.content.decode().count("<circle") == 130
    assert "130 traces · none failed · p50 65 ms · p95 124 ms · max 130 ms" in text(page)


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
async def test_it_says_how_many_of_those_that_came_match(place: Place, viewer: AsyncClient) -> None:
    line = long_past(place, 1, 20, 30)

    page = await viewer.get(SEARCH, {"q": f"{line} trace-min=10ms"})

    assert "2 of 3 traces from Jaeger match" in text(page)
    assert "that Jaeger gave" not in text(await viewer.get(SEARCH, {"q": line}))


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
async def test_two_traces_can_be_chosen_to_compare(place: Place, viewer: AsyncClient) -> None:
    place.jaeger.add(failing())

    html = (await viewer.get(SEARCH)).content.decode()

    assert f'action="{SEARCH}compare/"' in html
    assert re.search(r'<input type="checkbox" name="trace" value="[0-9a-f]{32}"', html)
    assert "Compare SearchPets, " in html


@EITHER_JAEGER
async def test_what_did_not_fail_narrows_to_what_did(place: Place, viewer: AsyncClient) -> None:
    place.jaeger.add(trace(span("petstore", "AddPets")), failing())

    page = await viewer.get(SEARCH, {"q": "error=false"})
    failed = await viewer.get(link(page, "▲ failed 0"))

    assert heading(page) == "1 trace, none failed"
    assert heading(failed) == "1 trace, 1 failed"


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


@EITHER_JAEGER
async def test_it_says_what_to_do_when_nothing_matches(place: Place, viewer: AsyncClient) -> None:
    long_ago = trace(span("petstore", "AddPets", start=1_700_000_000_000_000_000))
    place.jaeger.add(long_ago)

    page = await viewer.get(
        SEARCH, {"q": "error from=2023-11-14T23:00:00Z to=2023-11-14T23:30:00Z"}
    )
    wider = await viewer.get(link(page, "Search six times as far back"))

    assert heading(page) == "No trace matches"
    assert "search without tags and operation" in text(page)
    assert heading(wider) == "No trace matches"
    plain = await viewer.get(link(wider, "search without tags and operation"))
    assert heading(plain) == "1 trace, none failed"


@EITHER_JAEGER
async def test_it_says_what_no_trace_has(place: Place, viewer: AsyncClient) -> None:
    place.jaeger.add(trace(span("petstore", "AddPets", tags={"<b>.status_code": 500})))

    page = await viewer.get(SEARCH, {"q": "http.b.status_code=500 last=2h"})

    assert heading(page) == (
        'No trace matches; the only trace of petstore does not have a tag "http.b.status_code"'
    )
    meant = link(page, '"<b>.status_code"=500')
    assert heading(await viewer.get(meant)) == "1 trace, none failed"


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


@EITHER_JAEGER
async def test_hostile_names_stay_text(place: Place, viewer: AsyncClient) -> None:
    name = "<script>alert(1)</script>\u202e" + "x" * 10_000
    place.jaeger.add(trace(span("petstore", name, error="<img src=x>\u202e")))

    page = await viewer.get(SEARCH)

    html = page.content.decode()
    assert "<script>alert" not in html
    assert "<img src=x>" not in html
    assert len(html) < 30_000
    assert "<bdi>" in html


@EITHER_JAEGER
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
    assert heading(page) == "Permission required"
    assert "traces.view_traces" in text(page)
    assert not any(address.startswith(SEARCH) for _, address in links(page))


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
