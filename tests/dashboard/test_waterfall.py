"""One trace's waterfall: its bars, its sheets, and what its script asks for."""

import gzip

import pytest
from django.test import AsyncClient

from ops.vocabulary.timerange import SECOND
from opsportal.dashboard import waterfall
from opsportal.dashboard.trace_page import ROWS
from tests.dashboard.one_trace import QUERY, START, TRACES, add_failing, read_columns
from tests.dashboard.places import Place, heading, link, text
from tests.fakes.jaeger import MILLISECOND, span, trace

pytestmark = pytest.mark.django_db(transaction=True)


async def test_clocks_are_aligned_when_one_asks(place: Place, viewer: AsyncClient) -> None:
    behind = span("store", "Query", start=START - 3600 * SECOND, duration=5 * MILLISECOND,
                  resource={"host.name": "b"}, span_id=QUERY)  # fmt: skip
    root = span("petstore", "Search", start=START, duration=9 * MILLISECOND, children=[behind],
                resource={"host.name": "a"})  # fmt: skip
    page = f"{TRACES}{place.jaeger.add(trace(root))}/"

    recorded = await viewer.get(page)
    aligned = await viewer.get(link(recorded, "Align clocks"))

    assert heading(recorded) == "petstore Search took 1 h"
    assert "the clock of store is 1 h behind that of petstore" in text(recorded)
    assert heading(aligned) == "petstore Search took 9 ms"
    assert "Clocks are aligned: store by +1 h" in text(aligned)
    assert "56% in store Query" in text(aligned)
    assert link(aligned, "Show times as recorded") == page
    opened = await viewer.get(page + link(aligned, "store Query").partition("#")[0])
    assert "with its clock aligned (recorded" in text(opened)
    _, columns = read_columns(gzip.decompress((await viewer.get(f"{page}rows/?align=1")).content))
    assert columns["starts"] == [0, 0]
    assert "align=1" in recorded.content.decode()
    piece = await viewer.get(f"{page}spans/1/?of=2&align=1")
    assert "with its clock aligned" in piece.content.decode()


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

    assert opened.count('<div class="inside"') == 1
    assert 'data-open="1"' in opened
    assert '<div class="inside"' not in page.content.decode()


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
    assert link(first, "next") == "?page=2"
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
    assert grown.content == b"the trace has new spans; reload the page"


async def test_the_script_finds_spans_by_what_they_carry(place: Place, viewer: AsyncClient) -> None:
    address = f"{TRACES}{add_failing(place)}/find/"

    found = [
        (await viewer.get(address, {"q": query})).json()["rows"]
        for query in ("attempts=3", "SELECT <NAME>", "deadline", "nothing")
    ]
    refused = await viewer.get(address, headers={"Accept": "text/plain"})

    assert found == [[1], [1], [1], []]
    assert (refused.status_code, refused.content) == (
        400, b"enter 1 to 1,000 characters to search for",
    )  # fmt: skip


@pytest.mark.parametrize("page", ["0", "99999", "x", "-1", "²", "9" * 1000])
async def test_a_sheet_that_is_not_there_is_the_nearest(
    place: Place, viewer: AsyncClient, page: str
) -> None:
    answer = await viewer.get(f"{TRACES}{add_failing(place)}/", {"page": page})

    assert answer.status_code == 200
