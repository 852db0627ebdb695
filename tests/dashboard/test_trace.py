"""One trace: the verdict, what failed, the waterfall."""

import gzip
import html
import json
import re
import struct
from typing import Any

import pytest
from django.test import AsyncClient

from ops.vocabulary.timerange import SECOND
from opsportal.dashboard import waterfall
from opsportal.dashboard.trace_page import ROWS
from tests.dashboard.places import Place, heading, link, text, words
from tests.fakes.jaeger import MILLISECOND, span, trace

TRACES = "/sites/production/traces/"
QUERY = "00000000000000aa"
START = 1_795_469_320_000_000_000
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
    assert "it failed in petstore SearchPets caused by a failure below it" in said
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
    askew = [f"askew by {'x' * n} ms" for n in range(1, 300)]
    root = span("petstore", "SearchPets", warnings=askew, span_id=QUERY)

    page = await viewer.get(f"{TRACES}{place.jaeger.add(trace(root))}/", {"span": QUERY})

    notice, _, spans = page.content.decode().partition("Waterfall")
    assert "294 more warnings" in notice
    assert notice.index(askew[4]) < notice.index("<details>") < notice.index(askew[5])
    assert askew[298] not in notice
    assert "279 more warnings" in spans
    assert askew[298] in spans


async def test_both_sides_of_a_call_that_share_an_id_open(
    place: Place, viewer: AsyncClient
) -> None:
    server = span("store", "Charge", kind="server", span_id=QUERY, duration=5 * MILLISECOND)
    client = span("petstore", "Charge", kind="client", span_id=QUERY, duration=9 * MILLISECOND)
    shared = trace(client, server, trace_id="5a")
    page = f"{TRACES}{place.jaeger.add(shared)}/"

    both = (await viewer.get(page, {"span": QUERY})).content.decode()
    one = (await viewer.get(page, {"span": f"{QUERY}.2"})).content.decode()
    none = await viewer.get(page, {"span": "00000000000000cc"})

    assert both.count('<div class="inside"') == 2
    assert 'data-open="0 1"' in both
    assert (one.count('<div class="inside"'), one.count('data-open="1"')) == (1, 1)
    assert f'id="span-{QUERY}.2"' in both
    assert "This trace has no span 00000000000000cc" in text(none)


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


async def test_a_span_without_a_time_is_marked(place: Place, viewer: AsyncClient) -> None:
    none = span("store", "Query", start=1, duration=0, span_id=QUERY)
    root = span("petstore", "Search", duration=9 * MILLISECOND, children=[none])
    made = trace(root)
    made.resource_spans[0].scope_spans[0].spans[0].start_time_unix_nano = 0
    made.resource_spans[0].scope_spans[0].spans[0].end_time_unix_nano = 0
    page = f"{TRACES}{place.jaeger.add(made)}/"

    shown = await viewer.get(page, {"span": QUERY})

    assert heading(shown) == "petstore Search took 9 ms"
    assert "no time" in text(shown)
    assert "start unknown: shown where its parent starts" in text(shown)
    _, columns = read_columns(gzip.decompress((await viewer.get(f"{page}rows/")).content))
    assert columns["flags"] == [0, waterfall.UNTIMED]


@pytest.mark.parametrize("size", [301, 1_000_000])
async def test_long_values_fold_wherever_they_are(
    place: Place, viewer: AsyncClient, size: int
) -> None:
    long = "x" * size
    root = span(
        "petstore",
        "Search",
        span_id=QUERY,
        error=f"e{long}",
        tags={"tag": f"t{long}", f"k{long}": "1", "lines": "a\n" * 500},
        resource={"process": f"p{long}"},
        events=[("said", {"field": f"f{long}"}), (f"n{long}", {})],
        warnings=[f"w{long}"],
    )
    made = trace(root)
    made.resource_spans[0].scope_spans[0].scope.name = f"s{long}"
    made.resource_spans[0].scope_spans[0].spans[0].trace_state = f"v{long}"

    markup = (
        await viewer.get(f"{TRACES}{place.jaeger.add(made)}/", {"span": QUERY})
    ).content.decode()

    outside = re.sub(r"<pre>.*?</pre>", "", markup, flags=re.DOTALL)
    assert max(map(len, re.findall("x+", outside))) <= 500
    assert outside.count("a\n") < 10
    folded = re.findall(r"<pre><bdi>(.)x", markup)
    assert set(folded) == set("etpfwsv")
    assert ("the first 100,000 characters shown" in markup) == (size == 1_000_000)


async def test_scope_and_trace_state_are_shown(place: Place, viewer: AsyncClient) -> None:
    made = trace(span("petstore", "Search", span_id=QUERY))
    scope_spans = made.resource_spans[0].scope_spans[0]
    scope_spans.scope.name, scope_spans.scope.version = "io.opentelemetry.grpc", "1.64b0"
    scope_spans.spans[0].trace_state = "rojo=00f067aa0ba902b7"

    shown = text(await viewer.get(f"{TRACES}{place.jaeger.add(made)}/", {"span": QUERY}))

    assert "scope io.opentelemetry.grpc scope version 1.64b0" in shown
    assert "trace state rojo=00f067aa0ba902b7" in shown


async def test_links_lead_to_spans_and_back(place: Place, viewer: AsyncClient) -> None:
    sent = place.jaeger.add(trace(span("petstore", "send", span_id=QUERY)))
    links = [(sent, QUERY), *((f"{number:032x}", QUERY) for number in range(1, 152))]
    got = place.jaeger.add(trace(span("store", "receive", span_id="00000000000000bb", links=links)))

    before = await viewer.get(f"{TRACES}{sent}/", {"span": QUERY})
    page = await viewer.get(f"{TRACES}{got}/", {"span": "bb".zfill(16)})
    there = await viewer.get(link(page, f"{sent} span {QUERY}"))

    assert "Linked from" not in text(before)
    assert "The first 100 of 152 links" in text(page)
    assert "Linked from, in traces opened here recently" in text(there)
    assert heading(await viewer.get(link(there, f"{got} span {'bb'.zfill(16)}"))) == (
        "store receive took 10 ms"
    )


async def test_it_says_what_ran_it_beside_what_runs_now(place: Place, viewer: AsyncClient) -> None:
    resources = [
        {"service.version": "1.3.0", "service.instance.id": f"petstore-{n}", "host.name": "node-3"}
        for n in range(5)
    ]
    children = [span("petstore", "step", resource=resource) for resource in resources]
    trace_id = place.jaeger.add(trace(span("petstore", "Search", resource=resources[0],
                                           children=[*children, span("store", "x")])))  # fmt: skip

    page = await viewer.get(f"{TRACES}{trace_id}/")

    ran = text(page).partition("ran in")[2].partition("as of")[0]
    assert ran.replace("( ", "(").replace(" ,", ",").strip() == (
        "petstore 1.3.0 (petstore-0 on node-3, petstore-1 on node-3, petstore-2 on node-3 "
        "and 2 more)"
    )
    sample = ({"version": "1.4.0", "instance": "petstore-1"}, 1)
    place.prometheus.says("petstore_build_info", sample)
    now = await viewer.get(link_of_piece(page, "now"))
    assert words(now.content.decode()).startswith("now running petstore 1.4.0")


def link_of_piece(page: Any, name: str) -> str:
    """The address that a piece of a page is fetched from."""
    piece = page.content.decode().partition(f'data-piece="{name}"')[2]
    return html.unescape(re.findall('hx-get="([^"]*)"', piece)[0])


async def test_a_service_without_a_name_is_called_so_everywhere(
    place: Place, viewer: AsyncClient
) -> None:
    made = trace(span("", "work", error="broken", span_id=QUERY, duration=MILLISECOND,
                      tags={"tag": "1"}))  # fmt: skip
    page = f"{TRACES}{place.jaeger.add(made)}/"

    shown = await viewer.get(page, {"span": QUERY})

    assert heading(shown) == "(no service name) work failed after 1 ms"
    legend = shown.content.decode().partition('class="legend"')[2].partition("</h2>")[0]
    assert "(no service name)" in legend
    assert "broken in (no service name) work" in text(shown)
    assert "100% in (no service name) work" in text(shown)
    assert "search traces by tag" not in text(shown)
    header, _ = read_columns(gzip.decompress((await viewer.get(f"{page}rows/")).content))
    assert header["services"] == ["(no service name)"]


async def test_many_services_fold_up_in_the_legend(place: Place, viewer: AsyncClient) -> None:
    children = [span(f"service-{number}", "x") for number in range(200)]
    page = await viewer.get(
        f"{TRACES}{place.jaeger.add(trace(span('petstore', 'Big', children=children)))}/"
    )

    html = page.content.decode()
    legend = html.partition('class="legend"')[2].partition("</h2>")[0]
    assert "189 more services" in text(page)
    assert legend.partition("<details>")[0].count("swatch") == 12
    assert legend.count("swatch") == 201


async def test_it_says_as_of_when_and_asks_anew_on_one_press(
    place: Place, viewer: AsyncClient
) -> None:
    root = span("petstore", "Search", start=START, span_id=QUERY, duration=SECOND)
    trace_id = place.jaeger.add(trace(root, trace_id="5b"))
    address = f"{TRACES}{trace_id}/"

    first = await viewer.get(address)
    late = span("store", "late", parent_id=QUERY, start=START + 5)
    place.jaeger.add(trace(late, trace_id="5b"))
    kept = await viewer.get(address)
    anew = await viewer.get(address + link(first, "check for new spans"))
    again = await viewer.get(address)
    news = (await viewer.get(f"{address}news/")).json()

    assert [("1 span," in text(page)) for page in (first, kept, anew)] == [True, True, False]
    assert ["2 spans," in text(page) for page in (anew, again)] == [True, True]
    assert (news["spans"], news["as_of"] in text(again)) == (2, True)


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


@pytest.mark.parametrize("page", ["0", "99999", "x", "-1", "²", "9" * 1000])
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
    assert heading(unknown) == "Not found"
    assert "ab" * 16 in text(unknown)
    assert unknown["X-Request-ID"] in text(unknown)
