"""Searching traces: what the page says of those that it found, or of none."""

import re
import time
from dataclasses import replace

import pytest
from django.test import AsyncClient

from ops.database import in_database
from ops.sampling.actions import change_policy
from ops.vocabulary.policies import NEVER
from ops.vocabulary.timerange import SECOND
from tests.conftest import Person, actor_of
from tests.dashboard.places import Place, heading, link, links, text
from tests.dashboard.searching import SEARCH, failing, long_past
from tests.fakes.jaeger import ANY_JAEGER, EITHER_JAEGER, MILLISECOND, Release, span, trace

pytestmark = pytest.mark.django_db(transaction=True)


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
async def test_it_draws_every_trace_and_says_the_same_in_words(
    place: Place, viewer: AsyncClient
) -> None:
    line = long_past(place, *range(1, 131))

    page = await viewer.get(SEARCH, {"q": line})

    assert page.content.decode().count("<circle") == 130
    assert "130 traces · none failed · p50 65 ms · p95 124 ms · max 130 ms" in text(page)


@EITHER_JAEGER
async def test_it_says_how_many_of_those_that_came_match(place: Place, viewer: AsyncClient) -> None:
    line = long_past(place, 1, 20, 30)

    page = await viewer.get(SEARCH, {"q": f"{line} trace-min=10ms"})

    assert "2 of 3 traces from Jaeger match" in text(page)
    assert "that Jaeger gave" not in text(await viewer.get(SEARCH, {"q": line}))


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


@EITHER_JAEGER
async def test_two_traces_can_be_chosen_to_compare(place: Place, viewer: AsyncClient) -> None:
    place.jaeger.add(failing())

    html = (await viewer.get(SEARCH)).content.decode()

    assert f'action="{SEARCH}compare/"' in html
    assert re.search(r'<input type="checkbox" name="trace" value="[0-9a-f]{32}"', html)
    assert "Compare SearchPets, " in html


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
