"""Pages, JSON and streams compressed on their way out."""

import asyncio
import gzip
import json
import zlib
from collections.abc import AsyncIterator

import pytest
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.test import AsyncClient, AsyncRequestFactory

from opsportal.compression import compressed

LARGE = 3_000_000


def asked(accepts: str = "gzip, deflate, br") -> HttpRequest:
    return AsyncRequestFactory().get("/", headers={"Accept-Encoding": accepts})


async def answered(response: HttpResponseBase, accepts: str = "gzip") -> HttpResponseBase:
    async def view(request: HttpRequest) -> HttpResponseBase:
        return response

    return await compressed(view)(asked(accepts))


@pytest.mark.parametrize("size", [600, 60_000, LARGE])
@pytest.mark.parametrize("kind", ["text/html; charset=utf-8", "application/json", "text/plain"])
async def test_text_comes_compressed_whatever_its_size(kind: str, size: int) -> None:
    content = (b"span " * size)[:size]

    found = await answered(HttpResponse(content, content_type=kind))

    assert isinstance(found, HttpResponse)
    assert found["Content-Encoding"] == "gzip"
    assert "Accept-Encoding" in found["Vary"]
    assert gzip.decompress(found.content) == content
    assert int(found["Content-Length"]) == len(found.content) < size


@pytest.mark.parametrize("accepts", ["", "br", "identity", "gzip;q=0", "br;q=1, gzip; q=0.0"])
async def test_nobody_gets_what_they_did_not_ask_for(accepts: str) -> None:
    found = await answered(HttpResponse(b"span " * 1000), accepts)

    assert isinstance(found, HttpResponse)
    assert not found.has_header("Content-Encoding")
    assert found.content == b"span " * 1000
    assert "Accept-Encoding" in found["Vary"], "a cache must not give one's answer to the other"


@pytest.mark.parametrize("accepts", ["gzip", "GZIP", "br;q=0.5, gzip;q=0.1", "*"])
async def test_each_way_to_ask_is_understood(accepts: str) -> None:
    found = await answered(HttpResponse(b"span " * 1000), accepts)

    assert found["Content-Encoding"] == "gzip"


async def test_what_is_compressed_already_or_no_text_stays_as_it_is() -> None:
    rows = HttpResponse(gzip.compress(b"rows"), headers={"Content-Encoding": "gzip"})
    picture = HttpResponse(b"png" * 1000, content_type="image/png")

    assert await answered(rows) is rows
    assert rows.content == gzip.compress(b"rows") or gzip.decompress(rows.content) == b"rows"
    assert not (await answered(picture)).has_header("Content-Encoding")


async def test_a_stream_can_be_read_as_it_comes() -> None:
    more = asyncio.Event()

    async def pieces() -> AsyncIterator[bytes]:
        yield b'{"line": 1}\n'
        await more.wait()
        yield b'{"line": 2}\n' * 10_000

    found = await answered(
        StreamingHttpResponse(pieces(), content_type="application/jsonl; charset=utf-8")
    )

    assert isinstance(found, StreamingHttpResponse)
    assert found["Content-Encoding"] == "gzip"
    unpacker = zlib.decompressobj(wbits=31)
    stream = aiter(found)
    first = unpacker.decompress(await anext(stream))
    assert first == b'{"line": 1}\n', "the second piece is not there yet"
    more.set()
    rest = b"".join([unpacker.decompress(piece) async for piece in stream])
    assert unpacker.eof
    assert [json.loads(line)["line"] for line in rest.splitlines()] == [2] * 10_000


async def test_the_length_says_nothing_exact() -> None:
    lengths = {len((await answered(HttpResponse(b"span " * 1000))).content) for _ in range(40)}  # type: ignore[attr-defined]

    assert len(lengths) > 5


async def test_the_product_compresses_its_pages() -> None:
    page = await AsyncClient().get("/account/login/", headers={"Accept-Encoding": "gzip"})

    assert page["Content-Encoding"] == "gzip"
    assert b"Log in" in gzip.decompress(page.content)
