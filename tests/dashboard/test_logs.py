"""What a trace logged: as a page, filtered, and as JSON lines."""

import json
from base64 import b64encode
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from django.test import AsyncClient

from opsportal.dashboard.views import downloads
from opsportal.dashboard.views.logs import LINES
from tests.conftest import SiteFile
from tests.dashboard.places import Place, heading, link, links, text
from tests.fakes.jaeger import MILLISECOND, span, trace

TRACES = "/sites/production/traces/"
CROSS = "\N{MULTIPLICATION SIGN}"
QUERY = "00000000000000aa"
START = 1_795_469_320_000_000_001
pytestmark = pytest.mark.django_db(transaction=True)


def add(place: Place) -> str:
    query = span(
        "store",
        "store.Query",
        span_id=QUERY,
        start=START + MILLISECOND,
        events=[
            ("retry", {"attempt": 1, "statement": "SELECT <name>"}),
            ("exception", {"exception.message": "Too late", "exception.stacktrace": "a\nb"}),
        ],
    )
    root = span(
        "petstore", "SearchPets", start=START, children=[query], events=[("received", {"pets": 3})]
    )
    return place.jaeger.add(trace(root))


async def test_they_stand_in_time_order_and_lead_to_their_span(
    place: Place, viewer: AsyncClient
) -> None:
    trace_id = add(place)

    page = await viewer.get(f"{TRACES}{trace_id}/logs/")

    said = text(page)
    assert heading(page) == "petstore SearchPets logged 3 lines"
    assert said.index("received") < said.index("+1 ms") < said.index("+2 ms")
    assert "▲ exception" in said and "▲ retry" not in said
    assert "exception.stacktrace (2 lines)" in said
    assert link(page, "store.Query") == f"{TRACES}{trace_id}/?span={QUERY}#span-{QUERY}"
    assert "store (2)" in said and "petstore (1)" in said


@pytest.mark.parametrize(
    ("query", "lines"),
    [
        ({"text": "RETRY"}, ["retry"]),
        ({"text": "too late"}, ["exception"]),
        ({"text": "attempt"}, ["retry"]),
        ({"text": "pets=3"}, ["received"]),
        ({"text": "nothing like it"}, []),
        ({"service": "store"}, ["retry", "exception"]),
        ({"service": "nobody"}, []),
        ({"field": "attempt=1"}, ["retry"]),
        ({"field": "attempt=11"}, []),
        ({"field": "pets"}, ["received"]),
        ({"span": QUERY}, ["retry", "exception"]),
        ({"span": "00000000000000bb"}, []),
        ({"service": "store", "field": "exception.message=Too late"}, ["exception"]),
    ],
)
async def test_they_are_filtered_on_the_page_and_in_the_download_alike(
    place: Place, viewer: AsyncClient, query: dict[str, str], lines: list[str]
) -> None:
    trace_id = add(place)

    page = await viewer.get(f"{TRACES}{trace_id}/logs/", query)
    found = await jsonl(viewer, link(page, "download as JSON lines"))

    matching = f"{len(lines) or 'none'} matching"
    assert heading(page) == f"petstore SearchPets logged 3 lines, {matching}"
    assert f"{len(lines)} of 3 lines" in text(page)
    assert [line["name"] for line in found] == lines
    assert ("No log line matches" in text(page)) is not bool(lines)


async def test_each_filter_can_be_taken_away_again(place: Place, viewer: AsyncClient) -> None:
    address = f"{TRACES}{add(place)}/logs/"

    page = await viewer.get(address, {"text": "a", "field": "", "service": "store", "page": "1"})

    found = {word: urlsplit(target) for word, target in links(page) if target}
    assert parse_qs(found[f"remove filter text a {CROSS}"].query) == {"service": ["store"]}
    assert parse_qs(found[f"remove filter service store {CROSS}"].query) == {"text": ["a"]}
    assert found["all lines"].path == address and not found["all lines"].query


async def test_many_come_in_sheets_that_keep_the_filter(place: Place, viewer: AsyncClient) -> None:
    events = [("tick", {"n": number}) for number in range(LINES + 20)]
    trace_id = place.jaeger.add(trace(span("petstore", "Busy", span_id=QUERY, events=events)))

    first = await viewer.get(f"{TRACES}{trace_id}/logs/", {"span": QUERY, "text": "tick"})
    second = await viewer.get(f"{TRACES}{trace_id}/logs/{link(first, 'next')}")

    assert heading(first) == "petstore Busy logged 520 lines, 520 matching"
    assert parse_qs(link(first, "next")[1:]) == {"span": [QUERY], "text": ["tick"], "page": ["2"]}
    assert f"{LINES + 1} to {LINES + 20} of {LINES + 20}" in text(second)
    assert f"n = {LINES + 19}" in text(second)


async def test_a_service_may_be_called_anything(place: Place, viewer: AsyncClient) -> None:
    events = [("<b>", {"\u202e<i>": "\u202e</td>", "k" * 5000: "v" * 5000})]
    trace_id = place.jaeger.add(trace(span("items", "x", events=events)))

    page = await viewer.get(f"{TRACES}{trace_id}/logs/", {"text": "<i>", "service": '"><script>'})

    assert heading(page) == "items x logged 1 line, none matching"
    assert "items (1)" in text(page)
    assert "<script>" not in page.content.decode().partition("<body")[2]


async def test_a_trace_without_logs_says_where_to_look(place: Place, viewer: AsyncClient) -> None:
    trace_id = place.jaeger.add(trace(span("petstore", "AddPets")))

    page = await viewer.get(f"{TRACES}{trace_id}/logs/")

    assert heading(page) == "petstore AddPets logged nothing"
    assert link(page, "the trace") == f"{TRACES}{trace_id}/"


async def test_a_trace_without_root_is_still_named(place: Place, viewer: AsyncClient) -> None:
    trace_id = place.jaeger.add(trace(span("petstore", "x", parent_id="00000000deadbeef")))

    page = await viewer.get(f"{TRACES}{trace_id}/logs/")

    assert heading(page) == "A trace without its root logged nothing"


async def test_a_trace_of_another_site_is_looked_through_there(
    place: Place, viewer: AsyncClient, site_file: SiteFile
) -> None:
    trace_id = add(place)
    site_file(f"""
        [sites.first]
        [sites.second.jaeger]
        address = "{place.jaeger.address}"
    """)

    answer = await viewer.get(f"/traces/{trace_id}/logs/", {"text": "a b"})
    download = await viewer.get(f"/traces/{trace_id}/logs.jsonl", {"text": "retry"})

    assert answer["Location"] == f"/sites/second/traces/{trace_id}/logs/?text=a+b"
    assert (await content(download)).count(b"\n") == 1


async def test_they_download_as_a_json_object_a_line(place: Place, viewer: AsyncClient) -> None:
    odd: dict[str, Any] = {
        "large": 2**60 + 1, "raw": b"\xff\x00", "nan": float("nan"), "flag": True,
        "nested": [1, {"inner": b"\x01", "far": float("-inf")}], "text": 'two\nlines "quoted" <é>',
    }  # fmt: skip
    root = span("petstore", "Search", start=START, span_id=QUERY, events=[("odd", odd)])
    trace_id = place.jaeger.add(trace(root))

    answer = await viewer.get(f"{TRACES}{trace_id}/logs.jsonl")
    body = await content(answer)

    assert answer["Content-Disposition"] == f'attachment; filename="logs-{trace_id[-16:]}.jsonl"'
    assert answer["Content-Type"] == "application/jsonl; charset=utf-8"
    assert body.count(b"\n") == 1 and str(2**60 + 1).encode() in body
    assert json.loads(body, parse_constant=pytest.fail) == {
        "time": "2026-11-23T21:28:40.000000001Z",
        "unix_ns": str(START),
        "service": "petstore",
        "operation": "Search",
        "span_id": QUERY,
        "name": "odd",
        "attributes": odd
        | {
            "raw": b64encode(b"\xff\x00").decode(),
            "nan": "NaN",
            "nested": [1, {"inner": "AQ==", "far": "-Infinity"}],
        },
    }


async def test_they_download_in_pieces(place: Place, viewer: AsyncClient) -> None:
    events = [("tick", {"n": number}) for number in range(downloads.LINES + 1)]
    trace_id = place.jaeger.add(trace(span("petstore", "Busy", events=events)))

    answer: Any = await viewer.get(f"{TRACES}{trace_id}/logs.jsonl")
    pieces = [piece async for piece in answer.streaming_content]

    assert len(pieces) == 2
    numbers = [json.loads(line)["attributes"]["n"] for line in b"".join(pieces).splitlines()]
    assert numbers == list(range(downloads.LINES + 1))


async def test_a_trace_downloads_as_otlp(place: Place, viewer: AsyncClient) -> None:
    trace_id = add(place)

    page = await viewer.get(f"{TRACES}{trace_id}/")
    answer = await viewer.get(link(page, "download"))
    found = json.loads(await content(answer))

    assert answer["Content-Disposition"] == f'attachment; filename="trace-{trace_id[-16:]}.json"'
    assert answer["Content-Type"] == "application/json"
    (first, second) = found["resourceSpans"]
    assert first["scopeSpans"][0]["spans"][0]["spanId"] == QUERY
    assert second["scopeSpans"][0]["spans"][0]["traceId"] == trace_id


@pytest.mark.parametrize("name", ["logs.jsonl", "otlp.json"])
async def test_a_download_of_no_trace_is_a_page_in_words(
    place: Place, viewer: AsyncClient, name: str
) -> None:
    answer = await viewer.get(f"{TRACES}{'ab' * 16}/{name}")

    assert answer.status_code == 404
    assert heading(answer) == "Not found"


async def content(answer: Any) -> bytes:
    return b"".join([piece async for piece in answer.streaming_content])


async def jsonl(viewer: AsyncClient, address: str) -> list[dict[str, Any]]:
    body = await content(await viewer.get(address))
    return [json.loads(line) for line in body.splitlines()]
