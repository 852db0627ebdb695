"""One trace: the verdict, what failed, the waterfall."""

import gzip
import json
import re
import struct
from typing import Any

import pytest
from django.test import AsyncClient

from opsportal.dashboard import waterfall
from opsportal.dashboard.views.trace import ROWS
from tests.dashboard.places import Place, heading, link, text
from tests.fakes.jaeger import MILLISECOND, span, trace

TRACES = "/sites/production/traces/"
QUERY = "00000000000000aa"
pytestmark = pytest.mark.django_db(transaction=True)


def add_failing(place: Place) -> str:
    query = span(
        "store",
        "store.Query",
        span_id=QUERY,
        error="deadline exceeded",
        duration=900 * MILLISECOND,
        tags={"db.statement": "SELECT <name>", "attempts": 3, "javascript": "javascript:alert(1)"},
        events=[("retry", {"attempt": 1}), ("exception", {"exception.stacktrace": "a\nb"})],
        warnings=["clock skew adjusted"],
        resource={"host.name": "store-1"},
    )
    root = span(
        "petstore", "SearchPets", children=[query], error="it failed", duration=1240 * MILLISECOND
    )
    return place.jaeger.add(trace(root))


async def test_its_heading_is_the_verdict(place: Place, viewer: AsyncClient) -> None:
    failed = add_failing(place)
    fine = place.jaeger.add(trace(span("petstore", "AddPets", duration=44 * MILLISECOND)))
    inner = span("store", "store.Query", error="")
    partly = place.jaeger.add(
        trace(span("petstore", "AddPets", children=[inner], duration=44 * MILLISECOND))
    )

    pages = [await viewer.get(f"{TRACES}{trace_id}/") for trace_id in (failed, fine, partly)]

    assert [heading(page) for page in pages] == [
        "petstore SearchPets failed after 1.24 s",
        "petstore AddPets took 44 ms",
        "petstore AddPets took 44 ms, 1 span failed",
    ]


async def test_what_failed_is_named_deepest_first_with_its_path(
    place: Place, viewer: AsyncClient
) -> None:
    page = await viewer.get(f"{TRACES}{add_failing(place)}/")

    said = text(page)
    assert said.index("deadline exceeded in store") < said.index("it failed in petstore")
    assert "SearchPets \N{SINGLE RIGHT-POINTING ANGLE QUOTATION MARK} store.Query" in said
    assert "it failed in petstore SearchPets caused by what failed below it" in said
    assert "logs (2)" in said


async def test_what_failed_alike_is_named_once(place: Place, viewer: AsyncClient) -> None:
    tries = [span("store", "store.Query", error="deadline exceeded") for _ in range(12)]
    others = [span("store", f"step {number}", error="no") for number in range(30)]
    root = span("petstore", "SearchPets", children=[*tries, *others])

    said = text(await viewer.get(f"{TRACES}{place.jaeger.add(trace(root))}/"))

    assert "deadline exceeded in store store.Query , 12 times" in said
    assert "20 more failures" in said
    assert "8 more spans failed" in said


async def test_a_span_shows_tags_process_events_and_warnings(
    place: Place, viewer: AsyncClient
) -> None:
    trace_id = add_failing(place)

    page = await viewer.get(f"{TRACES}{trace_id}/", {"span": QUERY})

    said = text(page)
    for part in (
        "db.statement SELECT <name>",
        "attempts 3",
        "host.name store-1",
        "clock skew adjusted",
        "retry attempt =1",
        "exception.stacktrace (2 lines)",
    ):
        assert part in said.replace("attempt = 1", "attempt =1")
    assert "javascript:" not in "".join(re.findall(r'href="[^"]*"', page.content.decode()))


async def test_many_warnings_fold_up(place: Place, viewer: AsyncClient) -> None:
    skew = [f"askew by {n} ms" for n in range(300)]
    root = span("petstore", "SearchPets", warnings=skew, span_id=QUERY)

    page = await viewer.get(f"{TRACES}{place.jaeger.add(trace(root))}/", {"span": QUERY})

    notice, _, spans = page.content.decode().partition("Waterfall")
    assert "295 more warnings" in notice
    assert notice.index("askew by 4 ms") < notice.index("<details>") < notice.index("askew by 5 ms")
    assert "askew by 299 ms" not in notice
    assert "askew by 299 ms" in spans


async def test_its_bars_stand_where_the_spans_ran(place: Place, viewer: AsyncClient) -> None:
    inner = span("store", "Query", start=1_795_469_320_500_000_000, duration=250 * MILLISECOND)
    root = span(
        "petstore", "Search", children=[inner], start=1_795_469_320_000_000_000,
        duration=1000 * MILLISECOND,
    )  # fmt: skip

    html = (await viewer.get(f"{TRACES}{place.jaeger.add(trace(root))}/")).content.decode()

    assert '<rect x="0%" y="1" width="100%"' in html
    assert '<rect x="50%" y="1" width="25%"' in html
    assert "style=" not in html


async def test_a_span_has_an_address_that_opens_it(place: Place, viewer: AsyncClient) -> None:
    page = await viewer.get(f"{TRACES}{add_failing(place)}/")
    address = link(page, "store store.Query").partition("#")[0]

    opened = (await viewer.get(f"{page.request['path']}{address}")).content.decode()

    assert opened.count('<div class="inside">') == 1
    assert 'data-open="1"' in opened
    assert '<div class="inside">' not in page.content.decode()


async def test_a_missing_parent_is_marked(place: Place, viewer: AsyncClient) -> None:
    lost = span("petstore", "AddPets", parent_id="00000000deadbeef")

    page = await viewer.get(f"{TRACES}{place.jaeger.add(trace(lost))}/")

    assert "parent 00000000deadbeef is missing" in text(page)
    assert "without its root" in heading(page)


async def test_a_big_trace_comes_in_sheets_and_a_span_finds_its_own(
    place: Place, viewer: AsyncClient
) -> None:
    children = [span("store", f"step {number}") for number in range(ROWS + 20)]
    trace_id = place.jaeger.add(trace(span("petstore", "Big", children=children)))
    last = children[-1].span_id

    first = await viewer.get(f"{TRACES}{trace_id}/")
    second = await viewer.get(f"{TRACES}{trace_id}/", {"page": "2"})
    holding = await viewer.get(f"{TRACES}{trace_id}/", {"span": last})

    assert f"1 to {ROWS} of {ROWS + 21} rows" in text(first)
    assert link(first, "after") == "?page=2"
    assert f"{ROWS + 1} to {ROWS + 21}" in text(second)
    assert f'id="span-{last}"' in holding.content.decode()
    assert f"span {last}" in text(holding)


async def test_the_script_gets_all_rows_as_columns(place: Place, viewer: AsyncClient) -> None:
    trace_id = add_failing(place)

    answer = await viewer.get(f"{TRACES}{trace_id}/rows/")

    header, columns = read_columns(gzip.decompress(answer.content))
    assert answer["Content-Encoding"] == "gzip"
    assert (header["rows"], header["duration"]) == (2, 1240 * MILLISECOND)
    assert [header["operations"][each] for each in columns["operations"]] == [
        "SearchPets", "store.Query",
    ]  # fmt: skip
    assert [header["services"][each] for each in columns["services"]] == ["petstore", "store"]
    assert columns["starts"] == [0, MILLISECOND]
    assert columns["durations"] == [1240 * MILLISECOND, 900 * MILLISECOND]
    assert columns["parents"] == [-1, 0]
    assert columns["flags"] == [waterfall.FAILING, 0b1101]
    assert columns["path_rows"] == [0, 0, 1]


async def test_the_script_gets_one_span_as_a_piece(place: Place, viewer: AsyncClient) -> None:
    trace_id = add_failing(place)
    address = f"{TRACES}{trace_id}/spans/1/"

    piece = await viewer.get(address, {"of": "2"})
    grown = await viewer.get(address, {"of": "1"}, headers={"Accept": "text/plain"})
    beyond = await viewer.get(
        f"{TRACES}{trace_id}/spans/2/", {"of": "2"}, headers={"Accept": "text/plain"}
    )

    assert "deadline exceeded" in piece.content.decode()
    assert "<h1" not in piece.content.decode()
    assert (grown.status_code, beyond.status_code) == (409, 404)
    assert grown.content == b"the trace has grown meanwhile; load the page again"


async def test_the_script_finds_spans_by_what_they_carry(place: Place, viewer: AsyncClient) -> None:
    address = f"{TRACES}{add_failing(place)}/find/"

    found = [
        (await viewer.get(address, {"q": query})).json()["rows"]
        for query in ("attempts=3", "SELECT <NAME>", "deadline", "nothing")
    ]
    refused = await viewer.get(address, headers={"Accept": "text/plain"})

    assert found == [[1], [1], [1], []]
    assert (refused.status_code, refused.content) == (
        400, b"write what to look for, 1 to 1,000 characters",
    )  # fmt: skip


async def test_a_tag_can_be_searched_for(place: Place, viewer: AsyncClient) -> None:
    page = await viewer.get(f"{TRACES}{add_failing(place)}/", {"span": QUERY})

    assert link(page, "search traces by attempts") == f"{TRACES}?q=service%3Dstore+attempts%3D3"


def read_columns(content: bytes) -> tuple[dict[str, Any], dict[str, list[float]]]:
    """As the script does."""
    length = int.from_bytes(content[:4], "little")
    header = json.loads(content[4 : 4 + length])
    formats = {"f8": "d", "u4": "I", "i4": "i", "u1": "B"}
    columns = {}
    for name, (kind, place, count) in header["columns"].items():
        assert (4 + length + place) % 8 == 0
        found = struct.unpack_from(f"<{count}{formats[kind]}", content, 4 + length + place)
        columns[name] = list(found)
    return header, columns


@pytest.mark.parametrize("page", ["0", "99999", "x", "-1", "²", "9" * 5000])
async def test_a_sheet_that_is_not_there_is_the_nearest(
    place: Place, viewer: AsyncClient, page: str
) -> None:
    answer = await viewer.get(f"{TRACES}{add_failing(place)}/", {"page": page})

    assert answer.status_code == 200


async def test_a_trace_is_found_on_whichever_site_it_is(place: Place, viewer: AsyncClient) -> None:
    trace_id = add_failing(place)

    answer = await viewer.get(f"/traces/{trace_id[-8:].upper()}/")

    assert answer.status_code == 200
    assert heading(answer) == "petstore SearchPets failed after 1.24 s"


@pytest.mark.parametrize("path", ["", "logs/"])
async def test_an_unknown_trace_and_a_bad_id_are_said_in_words(
    place: Place, viewer: AsyncClient, path: str
) -> None:
    unknown = await viewer.get(f"{TRACES}{'ab' * 16}/{path}")
    bad = await viewer.get(f"{TRACES}nothex/{path}")

    assert (unknown.status_code, bad.status_code) == (404, 400)
    assert heading(unknown) == "There is no such thing here"
    assert "ab" * 16 in text(unknown)
    assert unknown["X-Request-ID"] in text(unknown)
