"""One trace: the verdict, what failed, its spans."""

import gzip
import html
import re
from typing import Any

import pytest
from django.test import AsyncClient

from ops.vocabulary.timerange import SECOND
from opsportal.dashboard import waterfall
from tests.dashboard.one_trace import QUERY, START, TRACES, add_failing, read_columns
from tests.dashboard.places import Place, heading, link, text, words
from tests.fakes.jaeger import MILLISECOND, span, trace

pytestmark = pytest.mark.django_db(transaction=True)


def link_of_piece(page: Any, name: str) -> str:
    """The address that a piece of a page is fetched from."""
    piece = page.content.decode().partition(f'data-piece="{name}"')[2]
    return html.unescape(re.findall('hx-get="([^"]*)"', piece)[0])


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


async def test_a_tag_can_be_searched_for(place: Place, viewer: AsyncClient) -> None:
    page = await viewer.get(f"{TRACES}{add_failing(place)}/", {"span": QUERY})

    assert link(page, "search traces by attempts") == f"{TRACES}?q=service%3Dstore+attempts%3D3"


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
