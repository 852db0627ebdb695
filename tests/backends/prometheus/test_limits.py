"""Answers that are too large, compressed, or not quite JSON."""

import asyncio
import gc
import gzip
import json
import weakref
import zlib
from collections.abc import Callable
from typing import Any

import pytest
from aiohttp import web

from ops.backends.breaker import FAILURES
from ops.errors import BackendUnavailable
from tests.backends.prometheus.conftest import Client, refused
from tests.fakes.prometheus import FakePrometheus, alert


def bodies(*pieces: bytes, **headers: str) -> Callable[[web.Request], Any]:
    """Answer anything with these pieces; with "…" for the last the one before comes for ever."""

    async def answer(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(
            headers={key.replace("_", "-"): headers[key] for key in headers}
        )
        response.content_type = "application/json"
        await response.prepare(request)
        endless = pieces[-1] == ENDLESS
        for piece in pieces[:-1] if endless else pieces:
            await response.write(piece)
        while endless:
            await response.write(pieces[-2])
        return response

    return answer


ENDLESS = b"\xe2\x80\xa6"
BOMB = gzip.compress(b'{"status": "success", "data": [' + b" " * 64_000_000, 1)


def rules_with(**annotations: object) -> bytes:
    item = {**alert("Slow"), "annotations": annotations}
    rule = {"type": "alerting", "name": "Slow", "health": "ok", "alerts": [item]}
    return json.dumps(
        {"status": "success", "data": {"groups": [{"name": "g", "rules": [rule]}]}}
    ).encode()


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (bodies(b"[" * 200_000), "answered with values nested hundreds deep, more than"),
        (bodies(b'{"a":' * 90_000), "answered with values nested hundreds deep, more than"),
        (bodies(b'{"status": "success", "x": ' + b"[" * 2_000 + b"]" * 2_000 + b"}"), "nested"),
        (bodies(b"[" + b"[]," * 2_500_000 + b"[]]"), "answered with over 2,000,000 values"),
        (bodies(b'{"status": "' + b"x" * 9_000_000 + b'"}'), "more than the limit of 8 MiB"),
        (bodies(b" " * 100_000, ENDLESS), "answered with more than the limit of 8 MiB; raise"),
        (bodies(BOMB, Content_Encoding="gzip"), "raise largest_answer_mib in [[sites."),
        (bodies(BOMB[:99], Content_Encoding="gzip"), "compressed as gzip and cut short"),
        (bodies(b"plain text", Content_Encoding="gzip"), "labelled as gzip, which"),
        (bodies(b"x", Content_Encoding="br"), "cannot be read: compressed as br"),
    ],
)  # fmt: skip
async def test_it_takes_no_answer_that_is_too_large_or_too_deep(
    client: Client, fake_prometheus: FakePrometheus, answer: Any, words: str
) -> None:
    prometheus = client(largest_answer=8 * 1024 * 1024)
    fake_prometheus.written = answer
    assert words in await refused(prometheus.rules())
    assert words in await refused(prometheus.query("up"))
    fake_prometheus.written = None
    assert (await prometheus.query("up and running")).samples == ()


@pytest.mark.parametrize("packing", [gzip.compress, zlib.compress])
async def test_it_unpacks_what_is_packed(
    client: Client, fake_prometheus: FakePrometheus, packing: Callable[[bytes], bytes]
) -> None:
    name = "gzip" if packing is gzip.compress else "deflate"
    body = packing(rules_with(summary="slow " * 1_000_000))
    fake_prometheus.written = bodies(body[:100], body[100:], Content_Encoding=name)
    (found,) = (await client().rules()).alerts
    assert found.summary == "slow " * 1_000_000


async def test_it_reads_text_that_is_none(client: Client, fake_prometheus: FakePrometheus) -> None:
    body = rules_with(a="café", b="\udc00 and \U0001f600", c="\\ud800").replace(
        b"caf\\u00e9", "café".encode("latin-1")
    )
    fake_prometheus.written = bodies(body)
    (found,) = (await client().rules()).alerts
    assert dict(found.annotations) == {
        "a": "caf\ufffd", "b": "\ufffd and \U0001f600", "c": "\\ud800"
    }  # fmt: skip


async def test_it_reads_a_number_of_thousands_of_digits(
    client: Client, fake_prometheus: FakePrometheus
) -> None:
    body = rules_with(a=1).replace(
        b'"name": "Slow"', b'"name": "Slow", "duration": ' + b"9" * 5_000
    )
    fake_prometheus.written = bodies(body)
    assert len((await client().rules()).alerts) == 1


async def test_what_it_refused_does_not_stay_in_memory(
    client: Client, fake_prometheus: FakePrometheus
) -> None:
    """Nor in the error that is kept to say why a backend is left alone."""

    class Large:
        pass

    async def call() -> None:
        large = Large()
        gone.append(weakref.ref(large))
        raise BackendUnavailable("down", backend="Prometheus")

    gone: list[weakref.ref[Large]] = []
    prometheus = client()
    for _ in range(FAILURES):
        await refused_by(prometheus._calls.read("key", call))
    await asyncio.sleep(0)
    gc.collect()
    assert [each() for each in gone] == [None] * FAILURES


async def refused_by(reading: Any) -> None:
    with pytest.raises(BackendUnavailable):
        await reading
