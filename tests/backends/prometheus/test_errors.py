"""What is wrong with a source, in words: from servers that are set up wrongly, and every error."""

import asyncio
import errno
import http
import re
import socket
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import aiohappyeyeballs
import aiohttp
import pytest
from aiohttp import web

from ops.backends.breaker import FAILURES
from ops.backends.http import BadCompression, HttpAnswer, InvalidHeader, TooLarge
from ops.errors import BackendTimeout, BackendUnavailable, InvalidInput
from ops.vocabulary import timerange
from tests.backends.prometheus.conftest import Client, refused
from tests.fakes.jaeger import FakeJaeger
from tests.fakes.prometheus import FakePrometheus, Fault
from tests.fakes.tls import CA, https

FAULTS = [
    (Fault.LOGIN_PAGE, "answered 200 OK with HTML instead of JSON, perhaps from a login page"),
    (Fault.REDIRECT, "redirects to https://sso.example.com/login; if that is a login"),
    (Fault.UNAVAILABLE, "answered 503 Service Unavailable without JSON; check url in [[sites."),
    (Fault.BROKEN_JSON, 'answered 200 OK without JSON: {"status":"succ; check url'),
    (Fault.OTHER_JSON, "answered in a format that is not Prometheus's"),
    (Fault.INTERNAL, "failed: the storage is gone (internal)"),
    (Fault.CUT_OFF, "closes connections without an answer; if it uses TLS, write https://"),
]


@pytest.mark.parametrize(("fault", "words"), FAULTS)
async def test_it_says_what_to_check(
    client: Client, fake_prometheus: FakePrometheus, fault: Fault, words: str
) -> None:
    fake_prometheus.fault = fault
    sentence = await refused(client().query("up"))
    place = f"Prometheus main of production at {fake_prometheus.url}"
    assert sentence.startswith(f"{place} {words}"), sentence


ANSWERS = [
    (429, "rate limit", {"Retry-After": "30"}, "is limiting our requests", "accepts more in 30 s"),
    (429, '{"status":"error","error":"slow down"}', {}, "is limiting our requests", "in a while"),
    (429, "<h1>no</h1>", {"Retry-After": "soon"}, "is limiting our requests", "in a while"),
    (400, "no org id\n", {}, "needs a tenant (400 Bad Request: no org id)", "add X-Scope-OrgID"),
    (401, "no org id\n", {}, "needs a tenant (401 Unauthorized: no org id)", "add X-Scope-OrgID"),
    (503, "Service Unavailable", {}, "is starting or stopping", "has read its data"),
    (503, "", {"X-Prometheus-Stopping": "false"}, "is starting or stopping", "has read its data"),
    (503, "no healthy upstream", {}, "answered 503 Service Unavailable without JSON", "check url"),
    (200, "  <!doctype html>", {}, "answered 200 OK with HTML instead of JSON", "login page"),
]


@pytest.mark.parametrize(("status", "body", "headers", "words", "advice"), ANSWERS)
async def test_it_says_what_another_answer_means(
    client: Client,
    fake_prometheus: FakePrometheus,
    status: int,
    body: str,
    headers: dict[str, str],
    words: str,
    advice: str,
) -> None:
    async def answer(_: web.Request) -> web.StreamResponse:
        kind = {"Content-Type": "application/json"}
        return web.Response(status=status, body=body.encode(), headers={**kind, **headers})

    fake_prometheus.written = answer
    sentence = await refused(client().query("up"))
    assert sentence.startswith(f"Prometheus main of production at {fake_prometheus.url} {words}")
    assert advice in sentence


async def test_it_never_repeats_the_query_of_a_redirect(
    client: Client, fake_prometheus: FakePrometheus
) -> None:
    fake_prometheus.fault = Fault.REDIRECT
    assert "secret" not in await refused(client().query("up"))


async def test_it_says_that_credentials_are_refused(client: Client) -> None:
    async with FakePrometheus(token="opensesame") as fake:
        sentence = await refused(client(fake.url).query("up"))
    assert "refused the credentials (401 Unauthorized: Unauthorized); check" in sentence
    assert "[[sites.production.prometheus]]" in sentence


async def test_it_says_that_the_path_is_wrong(client: Client) -> None:
    async with FakePrometheus(prefix="/prometheus") as fake:
        wrong = fake.url.removesuffix("/prometheus")
        for reading in (client(wrong).query("up"), client(wrong).rules()):
            sentence = await refused(reading)
            assert "has no Prometheus API at this path (404 Not Found); check the path" in sentence


async def test_it_says_that_nobody_listens(client: Client) -> None:
    sentence = await refused(client("http://127.0.0.1:1").query("up"))
    assert "refused the connection; check that it is running and that the port is right" in sentence


async def test_it_says_that_the_name_does_not_resolve(client: Client) -> None:
    sentence = await refused(client("http://prometheus.invalid:9090").query("up"))
    assert "cannot be found: its host name does not resolve" in sentence


async def test_it_says_that_the_server_does_not_speak_tls(
    client: Client, fake_prometheus: FakePrometheus
) -> None:
    url = fake_prometheus.url.replace("http:", "https:")
    sentence = await refused(client(url).query("up"))
    assert "does not speak TLS; write http:// in url" in sentence


async def test_it_says_that_the_server_speaks_tls(client: Client) -> None:
    fake = await FakePrometheus().start(https())
    try:
        sentence = await refused(client(fake.url.replace("https:", "http:")).query("up"))
    finally:
        await fake.stop()
    assert "if it uses TLS, write https://" in sentence


async def test_it_trusts_the_authority_that_the_site_names_and_no_other(client: Client) -> None:
    fake = await FakePrometheus().start(https())
    try:
        assert (await client(fake.url, ca=CA).query("up")).samples == ()
        sentence = await refused(client(fake.url).query("up"))
    finally:
        await fake.stop()
    assert "has a certificate that is not trusted; set ca" in sentence


async def test_it_says_that_the_port_speaks_grpc(client: Client) -> None:
    async with FakeJaeger() as jaeger:
        sentence = await refused(client(f"http://{jaeger.address}").query("up"))
    assert "does not speak HTTP; check the port in url of [[sites." in sentence


async def test_it_says_that_the_json_is_another_api_s(
    client: Client, fake_prometheus: FakePrometheus
) -> None:
    fake_prometheus.raw["/api/v1/query"] = {"results": []}
    sentence = await refused(client().query("up"))
    assert "answered 200 OK in a format that is not Prometheus's" in sentence


async def test_it_says_that_the_ca_file_is_none(client: Client, tmp_path: Any) -> None:
    (tmp_path / "ca.pem").write_text("no certificate")
    prometheus = client("https://127.0.0.1:1", ca=str(tmp_path / "ca.pem"))
    assert "check ca in [[sites.production.prometheus]]" in await refused(prometheus.query("up"))


async def test_it_never_shows_a_header_that_cannot_be_sent(client: Client) -> None:
    prometheus = client(headers={"Authorization": "Bearer open\nsesame"})
    sentence = await refused(prometheus.query("up"))
    assert "has a character that HTTP forbids" in sentence
    assert "sesame" not in sentence


async def test_it_gives_up_in_time(client: Client, fake_prometheus: FakePrometheus) -> None:
    fake_prometheus.fault = Fault.HANG
    prometheus = client(timeout=50 * timerange.MILLISECOND)
    with pytest.raises(BackendTimeout, match="did not answer within 50 ms"):
        await prometheus.query("up")


async def test_it_passes_on_that_the_query_was_too_slow(
    client: Client, fake_prometheus: FakePrometheus
) -> None:
    fake_prometheus.fault = Fault.TIMEOUT
    with pytest.raises(BackendTimeout, match="gave up on the query: query timed out"):
        await client().query("up")


async def test_it_leaves_a_dead_server_alone_but_keeps_saying_why(client: Client) -> None:
    prometheus = client("http://127.0.0.1:1")
    for _ in range(FAILURES):
        await refused(prometheus.query("up"))
    sentence = await refused(prometheus.query("up"))
    assert "refused the connection" in sentence and "next try in" in sentence


async def test_it_keeps_asking_a_server_that_refuses(
    client: Client, fake_prometheus: FakePrometheus
) -> None:
    prometheus = client()
    fake_prometheus.fault = Fault.LOGIN_PAGE
    for _ in range(FAILURES + 1):
        await refused(prometheus.query("up"))
    fake_prometheus.fault = Fault.NONE
    assert (await prometheus.query("up")).samples == ()


async def test_it_is_not_delayed_by_another_source_that_hangs(
    client: Client, fake_prometheus: FakePrometheus
) -> None:
    async with FakePrometheus() as stuck:
        stuck.fault = Fault.HANG
        waiting = asyncio.create_task(client(stuck.url).query("up"))
        await stuck.arrived.wait()
        assert (await client().query("up")).samples == ()
        assert not waiting.done()
        stuck.release.set()
        await waiting


def exceptions(kind: type[Exception]) -> Iterator[type[Exception]]:
    yield kind
    for below in kind.__subclasses__():
        yield from exceptions(below)


RAISED = sorted(
    {
        *exceptions(aiohttp.ClientError),
        TooLarge,
        BadCompression,
        InvalidHeader,
        # Of many others, those of the standard library that a socket raises.
        *(kind for kind in exceptions(OSError) if kind.__module__ in ("builtins", "ssl", "socket")),
    },
    key=lambda kind: kind.__name__,
)
# Every sentence says something that the reader can do.
ADVICE = re.compile(r"\b(check|set|raise|write|try|correct)\b")


@pytest.mark.parametrize("kind", RAISED, ids=lambda kind: kind.__name__)
@pytest.mark.parametrize("wrapped", [False, True], ids=["", "as the cause"])
async def test_it_has_a_sentence_for_every_exception_of_the_client(
    client: Client, kind: type[Exception], wrapped: bool
) -> None:
    # The library's own constructors want a connection and a request.
    error = type(kind.__name__, (kind,), {"__init__": object.__init__, "__str__": _broken})()
    if wrapped:
        outer = aiohttp.ClientConnectionError()
        outer.__cause__ = error
        error = outer
    prometheus = client()
    with pytest.raises(BackendUnavailable) as caught, prometheus.errors.translated():
        raise error
    sentence = str(caught.value)
    assert sentence.startswith(f"Prometheus main of production at {prometheus.source.url} ")
    assert ADVICE.search(sentence.removeprefix(prometheus.place)), sentence


def _broken(error: Exception) -> str:
    return "broken"


@pytest.mark.parametrize("status", http.HTTPStatus, ids=lambda status: status.name)
@pytest.mark.parametrize("kind", ["application/json", "text/html", "text/plain"])
async def test_it_has_a_sentence_for_every_status(
    client: Client, status: http.HTTPStatus, kind: str
) -> None:
    prometheus = client()
    answer = HttpAnswer(status, status.phrase, {"content-type": kind}, b"no")
    for error in (
        prometheus.errors.not_json(answer),
        prometheus.errors.reported(answer, {"status": "error"}),
        prometheus.errors.reported(answer, {"status": "error", "errorType": "timeout"}),
    ):
        assert str(error).startswith(f"{prometheus.place} ")
        assert isinstance(error, InvalidInput) or ADVICE.search(str(error)), error


async def test_it_says_that_no_address_of_a_host_can_be_used(client: Client) -> None:
    """One is refused, the other has no route: aiohttp joins both into an error without a number."""
    addresses: Any = [
        (socket.AF_INET, socket.SOCK_STREAM, 0, "", ("127.0.0.1", 1)),
        (socket.AF_INET, socket.SOCK_STREAM, 0, "", ("255.255.255.255", 1)),
    ]
    key: Any = SimpleNamespace(host="localhost", port=1, ssl=True)
    prometheus = client()
    with pytest.raises(OSError, match="Multiple exceptions") as joined:
        await aiohappyeyeballs.start_connection(addresses)
    with pytest.raises(BackendUnavailable) as caught, prometheus.errors.translated():
        raise aiohttp.ClientConnectorError(key, joined.value) from joined.value
    assert str(caught.value).startswith(f"{prometheus.place} refused the connection; check that")


@pytest.mark.parametrize("number", [errno.EHOSTUNREACH, errno.ENETUNREACH])
async def test_it_says_that_there_is_no_route(client: Client, number: int) -> None:
    prometheus = client()
    with pytest.raises(BackendUnavailable) as caught, prometheus.errors.translated():
        raise aiohttp.ClientConnectionError from OSError(number, "Connect call failed")
    assert "there is no route to its address; check url in [[sites." in str(caught.value)


def test_it_knows_the_roots_of_the_library_s_exceptions() -> None:
    """A new root, which the translation would let through, fails here."""
    roots = {
        kind.__name__
        for kind in vars(aiohttp).values()
        if isinstance(kind, type)
        and issubclass(kind, Exception)
        and not issubclass(kind, aiohttp.ClientError | OSError | Warning)
    }
    # Of WebSockets, and the end of a body that it keeps to itself.
    assert roots == {"WSMessageTypeError", "WebSocketError", "EofStream"}
