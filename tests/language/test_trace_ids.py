"""Trace IDs in every form in which people paste them."""

import string
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ops.language.trace_ids import (
    Part,
    find_part,
    find_trace_id,
    find_trace_ids,
    pasted_ids,
    replace_part,
    shortened_id,
)

LONG = "17b4f65b0d9f038e2a7bc5ea84309af2"
SHORT = "9c01d2f4a7e3b865"
OTHER = "00f067aa0ba902b7"


@pytest.mark.parametrize(
    "text",
    [
        LONG,
        LONG.upper(),
        f"0x{LONG}",
        f"`{LONG}`",
        f'"{LONG}"',
        f"<{LONG}>, thanks!",
        "17b4f65b-0d9f-038e-2a7b-c5ea84309af2",
        f"00-{LONG}-{OTHER}-01",
        f"traceparent: 00-{LONG}-{OTHER}-00",
        f"uber-trace-id: {LONG}:{OTHER}:0:1",
        quote(f"{LONG}:{OTHER}:0:1", safe=""),
        f"b3: {LONG}-{OTHER}-1-05e3ac9a4f6e3b90",
        f"{LONG}-{OTHER}",
        f"x-b3-traceid: {LONG}",
        f"X-Cloud-Trace-Context: {LONG}/1;o=1",
        "Root=1-17b4f65b-0d9f038e2a7bc5ea84309af2;Parent=53995c3f42cd8ad8;Sampled=1",
        f'{{"span_id": "{OTHER}", "trace_id": "{LONG}"}}',
        f"request=3f9a1c7e2b5d48aa trace_id={LONG} failed",
        f"show me trace {LONG} please",
        f"https://jaeger.example.com/trace/{LONG}?uiFind={OTHER}",
        f"https://jaeger.example.com/jaeger/ui/trace/{LONG}/",
        f"http://opsportal.example.com/production/traces/{LONG}/logs/",
        f"https://zipkin.example.com/zipkin/traces/{LONG}",
        f"http://tempo:3200/api/traces/{LONG}",
        f"http://tempo:3200/api/v2/traces/{LONG}?start=1732456851&end=1732460451",
        f"https://g.example.com/explore?left=%7B%22queries%22:%5B%7B%22query%22:%22{LONG}%22%7D%5D%7D",
        "https://g.example.com/explore?schemaVersion=1&panes="
        + quote(f'{{"x":{{"queries":[{{"refId":"A","queryType":"traceql","query":"{LONG}"}}]}}}}'),
        "https://g.example.com/explore?panes="
        + quote(quote(f'{{"queries":[{{"query":"{LONG}"}}],"spanId":"{OTHER}"}}')),
        f"https://g.example.com/a/grafana-exploretraces-app/explore?traceId={LONG}&spanId={OTHER}",
        f"https://g.example.com/d/a1b2c3d4e5f60718/x?var-trace={LONG}",
        "\uff11" + LONG[1:],  # a full-width digit
    ],
)
def test_it_finds_the_id(text: str) -> None:
    assert find_trace_id(text) == LONG


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (SHORT, SHORT),
        (f"trace {SHORT}", SHORT),
        (f"{SHORT}-{OTHER}-d", SHORT),
        (f"https://jaeger.example.com/trace/{SHORT}", SHORT),
        ("https://jaeger.example.com/trace/7b4f65b0d9f", "7b4f65b0d9f"),
        ("uber-trace-id: 7b4f65b:1:0:1", "7b4f65b"),
        (f"{LONG[3:]}:{OTHER}:0:1", LONG[3:]),
        (f"traceID={LONG[1:]}", LONG[1:]),
        ("1732456851204000", "1732456851204000"),  # alone it can only be an ID
    ],
)
def test_it_adds_the_zeros_that_were_left_out(text: str, found: str) -> None:
    assert find_trace_id(text) == found.zfill(32)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "0" * 32,
        f"00-{'0' * 32}-{OTHER}-01",
        f"span_id={OTHER}",
        "alert 3f9a1c7e2b5d48aa01c2",  # an alert's ID has 20 digits
        "https://jaeger.example.com/search?start=1732456851204000&end=1732456911204000",
        "https://opsportal.example.com/production/traces/added",
        "4533535b4e1c9f17b4f65b0d9f038e2a7bc5ea84",  # a commit
        "fe80:0:0:1",
        "at 12:30:05:11",
        "17b4f65b0d9f",
        f"x{LONG}",
    ],
)
def test_it_takes_nothing_else_for_one(text: str) -> None:
    assert find_trace_id(text) == ""


def test_it_finds_two_in_their_order() -> None:
    assert find_trace_ids(f"{LONG} and trace {SHORT}") == (LONG, SHORT.zfill(32))
    assert find_trace_ids(f"https://j.example.com/trace/{LONG}...{SHORT}") == (
        LONG,
        SHORT.zfill(32),
    )
    assert find_trace_ids(f"{LONG} {LONG.upper()} {SHORT}", 1) == (LONG,)


@pytest.mark.parametrize(
    "text",
    [
        LONG,
        f"show trace {LONG}, please",
        f"traceID={LONG}",
        f"traceparent: 00-{LONG}-{OTHER}-01",
        f"uber-trace-id: {LONG}%3A{OTHER}%3A0%3A1",
        f"b3={LONG}-{OTHER}-1",
        f"X-Amzn-Trace-Id: Root=1-{LONG[:8]}-{LONG[8:]};Parent={OTHER};Sampled=1",
        f"https://g.example.com/explore?left=%7B%22query%22:%22{LONG}%22%7D&from=now-1h",
        f"jaeger.example.com/trace/{LONG}",
        f"[{LONG}](https://jaeger.example.com/trace/{LONG})",
    ],
)
def test_a_pasted_id_is_alone(text: str) -> None:
    assert pasted_ids(text) == (LONG,)


@pytest.mark.parametrize(
    "text",
    [
        f"order.id={LONG}",
        f"operation={LONG} last=1h",
        f"error {LONG}",
        f'{{"trace_id": "{LONG}", "message": "the queue is full"}}',
        "17b4f65b0d9f",
    ],
)
def test_an_id_among_other_words_is_not_just_pasted(text: str) -> None:
    assert pasted_ids(text) == ()


def test_two_can_be_pasted() -> None:
    assert pasted_ids(f"https://jaeger.example.com/trace/{LONG}...{SHORT}?cohort={LONG}") == (
        LONG,
        SHORT.zfill(32),
    )


@pytest.mark.parametrize("text", ["17b4f65b0d9f", "`17b4f65b0d9f…`", "17B4F65B0D9F"])
def test_it_knows_a_shortened_id(text: str) -> None:
    assert shortened_id(text) == "17b4f65b0d9f"
    assert shortened_id(f"{text} petstore") == ""
    assert [shortened_id(word) for word in ("00000000", "facade", "1234567", "1.3.0")] == [""] * 4


@pytest.mark.parametrize(
    ("text", "start", "end"),
    [
        ("17b4f65b", "17b4f65b", ""),
        ("show trace 17B4F65B0D9F", "17b4f65b0d9f", ""),
        ("17b4…9af2", "17b4", "9af2"),
        ("logs of 17b4..9af2 please", "17b4", "9af2"),
        ("0x17b4f6...", "17b4f6", ""),
    ],
)
def test_it_finds_the_part_of_an_id(text: str, start: str, end: str) -> None:
    found = find_part(text)
    assert found == Part(start, end)
    assert found.is_of(LONG)
    assert not found.is_of("9" * 32)
    assert LONG in replace_part(text, LONG)


@pytest.mark.parametrize(
    "text",
    [
        LONG, f"{LONG} 17b4f65b", "12345678", "facade00 facade01", "17b4", "user 17b4f65b", "1...2",
        "65d7b155-e09f-4ee2-bc6b-0fb5f29b8553", "3f9a1c7e2b5d48aa01c2", "errors...", "",
    ],
)  # fmt: skip
def test_anything_else_is_no_part_of_an_id(text: str) -> None:
    assert find_part(text) is None


def test_leading_zeros_of_an_id_do_not_count() -> None:
    assert Part("17b4").is_of(LONG[:16].zfill(32))


PIECES = st.sampled_from(
    [LONG, SHORT, "0", "0x", "-", ":", "/trace/", "trace", "%25", "%3A", '"', " ", "span", "ﷺ"]
)


@given(st.lists(PIECES | st.text(string.printable, max_size=4), max_size=200).map("".join))
def test_whatever_is_pasted_gives_full_ids_or_none(text: str) -> None:
    for found in find_trace_ids(text):
        assert len(found) == 32
        assert int(found, 16)
    pasted_ids(text)
    shortened_id(text)
    part = find_part(text)
    assert part is None or replace_part(text, LONG)
