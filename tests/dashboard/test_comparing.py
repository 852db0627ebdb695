"""Two traces side by side, and one beside what is usual."""

import re
from typing import Any

import pytest
from django.test import AsyncClient

from tests.dashboard.places import Place, heading, link, links, text
from tests.fakes.jaeger import EITHER_JAEGER, MILLISECOND, span, trace

TRACES = "/sites/production/traces/"
COMPARE = f"{TRACES}compare/"
UNKNOWN = "ab" * 16
NOON = 1_704_110_400_000 * MILLISECOND  # 2024-01-01T12:00:00Z, long past
pytestmark = pytest.mark.django_db(transaction=True)


def add(place: Place, query: int, *, calls: int = 1, **fields: Any) -> str:
    """SearchPets with a cache read and some queries of that many milliseconds in a row."""
    took, later = query * MILLISECOND, NOON + 10 * MILLISECOND
    children = [
        span("petstore", "cache.Get", start=NOON, duration=9 * MILLISECOND),
        *(
            span("store", "store.Query", start=later + number * took, duration=took, **fields)
            for number in range(calls)
        ),
    ]
    duration = took * calls + 10 * MILLISECOND
    return place.jaeger.add(
        trace(span("petstore", "SearchPets", start=NOON, duration=duration, children=children))
    )


def inputs(response: Any) -> list[str]:
    """Return the values of the fields for trace IDs."""
    return re.findall(r'<input name="trace" value="([^"]*)"', response.content.decode())


async def test_its_heading_is_the_verdict(place: Place, viewer: AsyncClient) -> None:
    fast, slow = add(place, 10), add(place, 600)

    pages = [await viewer.get(COMPARE, {"trace": ids}) for ids in ((fast, slow), (slow, fast))]

    assert [heading(page) for page in pages] == [
        "B took 590 ms longer: store store.Query explains all of it",
        "B took 590 ms less: store store.Query explains all of it",
    ]
    assert inputs(pages[0]) == [fast, slow]
    assert link(pages[0], "Swap A and B") == f"{COMPARE}?trace={slow}&trace={fast}"


async def test_it_shows_both_traces_and_each_difference_with_a_word(
    place: Place, viewer: AsyncClient
) -> None:
    first, second = add(place, 100), add(place, 100, calls=3)

    page = await viewer.get(COMPARE, {"trace": [first, second]})

    said = text(page)
    assert "A petstore SearchPets" in said and "B petstore SearchPets" in said
    assert "+ new 0 → 2" in said
    assert "+200 ms 100%" in said
    assert "SearchPets \N{SINGLE RIGHT-POINTING ANGLE QUOTATION MARK} store.Query" in said
    assert "operations unchanged" in said
    assert "style=" not in page.content.decode()
    spans = [address for _, address in links(page) if "?span=" in address]
    assert {address.split("/")[4] for address in spans} == {first, second}


async def test_it_says_what_failed_in_one_only(place: Place, viewer: AsyncClient) -> None:
    fine, failed = add(place, 10), add(place, 10, error="deadline <exceeded>")

    pages = [await viewer.get(COMPARE, {"trace": ids}) for ids in ((fine, failed), (failed, fine))]

    for page, side in zip(pages, "BA", strict=True):
        said = text(page).partition(f"Failed in {side} only")[2]
        assert "deadline <exceeded> in store store.Query" in said
    assert heading(pages[0]) == "A and B took equally long"


async def test_traces_of_different_operations_are_said_to_be(
    place: Place, viewer: AsyncClient
) -> None:
    other = place.jaeger.add(trace(span("petstore", "AddPets", start=NOON)))

    page = await viewer.get(COMPARE, {"trace": [add(place, 10), other]})

    assert "A is petstore SearchPets, B is petstore AddPets" in text(page)


async def test_without_ids_it_is_a_form(place: Place, viewer: AsyncClient) -> None:
    page = await viewer.get(COMPARE, {"trace": ["", " "]})

    assert (page.status_code, heading(page)) == (200, "Compare two traces")
    assert inputs(page) == ["", ""]


@pytest.mark.parametrize(
    ("ids", "status", "sentence"),
    [
        (["abc"], 400, "only one trace is given; add the ID of a second one to compare it with"),
        (["a", "b", "c"], 400, "3 trace IDs given; a comparison needs two"),
        (["abc", "0ABC"], 400, "is given twice; a comparison needs two different traces"),
        (["abc", "<b>"], 400, '"<b>" is not a trace ID'),
        ([UNKNOWN, "abc"], 404, "Jaeger of production has no trace"),
    ],
)
async def test_what_cannot_be_compared_is_said_and_stays_in_the_form(
    place: Place, viewer: AsyncClient, ids: list[str], status: int, sentence: str
) -> None:
    page = await viewer.get(COMPARE, {"trace": ids})

    assert page.status_code == status
    assert sentence in text(page)
    escaped = [each.replace("<b>", "&lt;b&gt;") for each in ids]
    assert inputs(page) == (escaped if len(ids) > 1 else [*escaped, ""])


async def test_traces_are_found_on_whichever_site_they_are(
    place: Place, viewer: AsyncClient
) -> None:
    ids = [add(place, 10), add(place, 20)]

    answer = await viewer.get("/sites/production/traces/compare/", {"trace": ids})
    default = await viewer.get("/traces/compare/", {"trace": ids})

    assert heading(default) == heading(answer)


@EITHER_JAEGER
async def test_one_trace_stands_beside_what_is_usual(place: Place, viewer: AsyncClient) -> None:
    for _ in range(6):
        add(place, 10)
    slow = add(place, 600)

    page = await viewer.get(f"{TRACES}{slow}/usual/")

    said = text(page)
    assert heading(page) == "petstore SearchPets took 610 ms, usually 20 ms"
    assert "+590 ms compared with the last 6 that succeeded" in said
    assert "store store.Query ▲ slower 1 → 1 10 ms → 600 ms" in said
    assert inputs(page) == [slow, ""]


@EITHER_JAEGER
async def test_the_trace_page_fetches_one_sentence_about_it(
    place: Place, viewer: AsyncClient
) -> None:
    piece = {"HX-Request": "true"}
    for _ in range(3):
        add(place, 10)
    slow = add(place, 600)
    alone = place.jaeger.add(trace(span("petstore", "AddPets", start=NOON)))

    page = await viewer.get(f"{TRACES}{slow}/")
    address = re.search(r'hx-get="([^"]*/usual/duration/)"', page.content.decode())
    assert address
    said = await viewer.get(address[1], headers=piece)
    silent = await viewer.get(f"{TRACES}{alone}/usual/duration/", headers=piece)

    assert text_of(said) == "Usually 20 ms here: +590 ms compared with only 3 that succeeded"
    assert link(said, "+590 ms") == link(page, "compare") == f"{TRACES}{slow}/usual/"
    assert (silent.status_code, silent.content) == (204, b"")


def text_of(piece: Any) -> str:
    return " ".join(re.sub(r"<[^>]*>", "", piece.content.decode()).split())


@EITHER_JAEGER
@pytest.mark.parametrize("parent", ["", "00000000deadbeef"])
async def test_it_says_why_nothing_is_usual(place: Place, viewer: AsyncClient, parent: str) -> None:
    alone = place.jaeger.add(trace(span("petstore", "AddPets", start=NOON, parent_id=parent)))

    page = await viewer.get(f"{TRACES}{alone}/usual/")

    assert heading(page).endswith("took 10 ms; usual duration unknown")
    assert ("has no root span" if parent else "No other trace of petstore AddPets") in text(page)


async def test_newcomers_see_nothing(place: Place, newcomer: AsyncClient) -> None:
    trace_id = add(place, 10)

    pages = [
        await newcomer.get(COMPARE, {"trace": [trace_id, UNKNOWN]}),
        await newcomer.get(f"{TRACES}{trace_id}/usual/"),
    ]

    assert [page.status_code for page in pages] == [403, 403]
    assert place.jaeger.calls == []
