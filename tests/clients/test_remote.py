"""Jaeger remote sampling against a real server that is well, odd or hostile."""

import itertools
import json
import math
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from threading import Event

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from opsportal_sampler import RemoteSampler, http
from opsportal_sampler.http import fetch, read_url
from opsportal_sampler.instance import Instance
from opsportal_sampler.polling import PollError
from opsportal_sampler.remote import JaegerRemote

from tests.clients.conftest import Clock
from tests.clients.server import PATIENCE, FakeServer, headers_of, rate, reply

NOW = datetime(2020, 2, 2, 3, 0, tzinfo=UTC)  # by the server's clock, years behind ours


@pytest.fixture
def sampler(clock: Clock) -> RemoteSampler:
    return RemoteSampler(0.25, clock)


@pytest.fixture
def remote(server: FakeServer, sampler: RemoteSampler) -> JaegerRemote:
    key = "Authorization", "Bearer s3cret"
    return JaegerRemote(sampler, read_url(server.url), Instance("a shop", "shop 1é%"), key)


def test_it_says_who_asks_and_what_is_in_force(server: FakeServer, remote: JaegerRemote) -> None:
    server.serves(rate(0.5), '"r1"')
    assert remote.poll()
    [request] = server.requests
    assert request.path == "/sampling?service=a+shop"
    said = headers_of(request)
    assert said["X-Service-Instance-Id"] == "shop%201%C3%A9%25"
    assert said["X-Sampling-Phase"] == "initial"
    assert said["X-Sampling-Applied"] == "0.25"
    assert said["Authorization"] == "Bearer s3cret"
    assert said["User-Agent"].startswith("opsportal-sampler/")
    assert {"If-None-Match", "X-Sampling-Revision"}.isdisjoint(said)


def test_it_acknowledges_with_the_etag(
    server: FakeServer, remote: JaegerRemote, sampler: RemoteSampler
) -> None:
    server.serves(rate(0.5, revision=17), '"r17"')
    assert remote.poll()
    assert sampler.report().applied == "0.5"
    assert not remote.poll()
    said = headers_of(server.requests[1])
    assert said["If-None-Match"] == '"r17"'
    assert said["X-Sampling-Phase"] == "document"
    assert said["X-Sampling-Applied"] == "0.5"
    assert said["X-Sampling-Revision"] == "17"
    server.serves(rate(0.1), '"r18"')
    assert remote.poll()
    assert sampler.report().applied == "0.1"
    assert sampler.report().revision is None


@pytest.mark.parametrize("etag", ["", "r1", '"a\r\n b"', f'"{"a" * 300}"'])
def test_it_asks_once_without_a_good_etag(
    server: FakeServer, remote: JaegerRemote, etag: str
) -> None:
    server.serves(rate(0.5), etag)
    assert not remote.poll()
    assert not remote.poll()
    assert "If-None-Match" not in server.requests[1].headers


@pytest.mark.parametrize(
    ("endpoint", "asked"),
    [
        ("/", "/sampling?service=shop"),
        ("/api", "/api/sampling?service=shop"),
        ("/sampling", "/sampling?service=shop"),
        ("/sites/shop-b/?tenant=a", "/sites/shop-b/sampling?tenant=a&service=shop"),
    ],
)
def test_it_asks_below_its_endpoint(
    server: FakeServer, sampler: RemoteSampler, endpoint: str, asked: str
) -> None:
    server.serves(rate(0.5))
    JaegerRemote(sampler, read_url(server.url + endpoint), Instance("shop", "1")).poll()
    assert server.requests[0].path == asked


def test_it_returns_by_the_servers_clock_and_asks_anew(
    server: FakeServer, remote: JaegerRemote, sampler: RemoteSampler, clock: Clock
) -> None:
    end = NOW + timedelta(minutes=10)
    timed = rate(1.0, revision=17, until=end.isoformat(), then=rate(0.1))
    server.serves(timed, '"r17"', Date=format_datetime(NOW, usegmt=True))
    assert remote.poll()
    clock.now += 599
    assert sampler.report().applied == "1"
    clock.now += 1
    assert sampler.report().applied == "0.1"

    # It came back too early by the server's clock: the document is in force again.
    assert remote.poll()
    said = headers_of(server.requests[1])
    assert said["X-Sampling-Phase"] == "then"
    assert said["X-Sampling-Revision"] == "17"
    assert "If-None-Match" not in said
    assert sampler.report().applied == "1"

    # Nothing is new, but the end is nearer than it seemed.
    server.serves(timed, '"r17"', Date=format_datetime(end - timedelta(seconds=5), usegmt=True))
    assert not remote.poll()
    clock.now += 5
    assert sampler.report().applied == "0.1"


def test_an_end_that_has_passed_is_not_asked_about_twice(
    server: FakeServer, remote: JaegerRemote, sampler: RemoteSampler
) -> None:
    timed = rate(1.0, until=NOW.isoformat(), then=rate(0.1))
    server.serves(timed, '"r17"', Date=format_datetime(NOW, usegmt=True))
    assert not remote.poll()
    assert sampler.report().applied == "0.1"


GOOD = json.dumps(rate(1.0)).encode()
BAD = {
    "404": reply(404, GOOD),
    "500": reply(500, GOOD),
    "304 to nobody's tag": reply(304),
    "redirect": reply(302, GOOD, Location="/elsewhere"),
    "empty": reply(200),
    "a page": reply(200, GOOD, Content_Type="text/html"),
    "text": reply(200, GOOD, Content_Type="text/plain"),
    "compressed": reply(200, b"\x1f\x8b" + GOOD, Content_Encoding="gzip"),
    "NaN": reply(200, rate(math.nan)),
    "too much": reply(200, rate(2)),
    "too long": reply(200, GOOD.ljust(http.MOST_BYTES + 1)),
    "broken off": reply(200, GOOD, Content_Length="9999"),
    "broken off in the head": [b"HTTP/1.1 200 -\r\nContent-Ty"],
    "bad chunks": reply(200, b"zz\r\n" + GOOD, Transfer_Encoding="chunked"),
    "not HTTP": [b"\x16\x03\x01\x02\x00garbage\r\n\r\n"],
    "nothing": [],
    "many headers": [b"HTTP/1.1 200 -\r\n" + b"a: b\r\n" * 200 + b"\r\n" + GOOD],
}


@pytest.mark.parametrize("bad", BAD)
def test_a_bad_answer_keeps_what_is_in_force(
    server: FakeServer, remote: JaegerRemote, sampler: RemoteSampler, bad: str
) -> None:
    server.answer = lambda _: BAD[bad]
    with pytest.raises(PollError) as error:
        remote.poll()
    assert server.url in str(error.value)
    assert "s3cret" not in str(error.value)
    assert sampler.report().applied == "0.25"
    assert len(server.requests) == 1


def drip(start: bytes) -> Iterator[bytes]:
    yield start
    yield from itertools.repeat(b"a")


@pytest.mark.parametrize(
    "start", [b"", b"HTTP/1.1 200 -\r\nX: ", b"HTTP/1.1 200 -\r\n\r\n", b"HTTP/1.1 100 -\r\n\r\n"]
)
def test_an_endless_answer_is_ended(server: FakeServer, start: bytes) -> None:
    endless = itertools.repeat(start) if b"100" in start else drip(start)
    server.answer = lambda _: endless
    with pytest.raises(PollError, match=r"did not answer within|cannot be asked|more than"):
        fetch(read_url(server.url), {}, seconds=0.5)


def test_a_server_that_hangs_is_given_up(server: FakeServer) -> None:
    done = Event()

    def slow() -> Iterator[bytes]:
        yield b"HTTP/1.1 200 -\r\n"
        done.wait(PATIENCE)

    server.answer = lambda _: slow()
    with pytest.raises(PollError, match="did not answer within"):
        fetch(read_url(server.url), {}, seconds=0.2)
    done.set()


def test_a_server_that_is_away_is_named(sampler: RemoteSampler) -> None:
    remote = JaegerRemote(sampler, read_url("http://127.0.0.1:1"), Instance("shop", "1"))
    with pytest.raises(PollError, match=r"http://127.0.0.1:1/sampling cannot be asked: .*refused"):
        remote.poll()


@pytest.mark.parametrize(("said", "waits"), [("7", 7), ("9" * 50, 300), ("soon", 0), ("-1", 0)])
def test_it_hears_how_long_to_wait(
    server: FakeServer, remote: JaegerRemote, said: str, waits: float
) -> None:
    server.answer = lambda _: reply(503, Retry_After=said)
    with pytest.raises(PollError) as error:
        remote.poll()
    assert error.value.retry_after == waits


LINE = st.text(st.characters(min_codepoint=0x20, max_codepoint=0xFF), max_size=40)


@settings(
    max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    status=st.sampled_from([200, 304, 201, 500]),
    headers=st.fixed_dictionaries(
        {}, optional={"ETag": LINE, "Date": LINE, "Retry_After": LINE, "Content_Type": LINE}
    ),
    body=st.binary() | st.just(GOOD),
)
def test_whatever_a_server_says_the_next_good_answer_counts(
    server: FakeServer,
    sampler: RemoteSampler,
    remote: JaegerRemote,
    status: int,
    headers: dict[str, str],
    body: bytes,
) -> None:
    server.answer = lambda _: reply(status, body, **headers)
    with suppress(PollError):
        remote.poll()
    server.serves(rate(0.5))
    remote.poll()
    assert sampler.report().applied == "0.5"
