"""What gRPC's errors are in words, from real servers that are set up wrongly."""

import inspect
import re
from dataclasses import replace
from typing import Any

import grpc
import grpc.aio
import pytest

from ops.backends.clients import clients
from ops.backends.error_texts import NotConnected
from ops.backends.grpc_channels import Peer, open_channel
from ops.backends.grpc_errors import not_connected_words, sentence, translated
from ops.errors import BackendTimeout, BackendUnavailable, InvalidInput, NotFound, OpsError
from ops.sites import JaegerSource, Tls
from tests.backends.conftest import make_site
from tests.fakes import tls
from tests.fakes.instance import fake_instance
from tests.fakes.jaeger import FakeJaeger
from tests.fakes.prometheus import FakePrometheus

PEER = Peer("Jaeger of production", "jaeger:16685", "Jaeger's gRPC port", "[sites.x.jaeger]")
# Every sentence about a backend says something that the reader can do.
ADVICE = re.compile(r"\b(check|set|remove|raise|use|try|must be) ")
PORT = "the address must be Jaeger's gRPC port, usually 16685 (16686 is its web page)"
TABLE = "[sites.production.jaeger]"


async def complaint(address: str, tls: Tls | None = None) -> str:
    """Ask what is no Jaeger; return the sentence after its name and address."""
    with pytest.raises(BackendUnavailable) as caught:
        await clients().jaeger(make_site(jaeger=JaegerSource(address, tls=tls))).services()
    assert caught.value.backend == "Jaeger of production"
    begin, _, rest = str(caught.value).partition(f" at {address} ")
    assert begin == "Jaeger of production"
    return rest


async def test_it_recognizes_a_web_port() -> None:
    async with FakePrometheus() as web:
        address = f"127.0.0.1:{web.port}"
        assert await complaint(address) == f"answers in HTTP, not gRPC; {PORT}"


async def test_it_recognizes_a_web_port_behind_tls() -> None:
    web = await FakePrometheus().start(tls.https())
    sentence = await complaint(f"127.0.0.1:{web.port}", Tls(ca=tls.CA))
    await web.stop()
    assert sentence == f"speaks TLS but not gRPC; {PORT}"


async def test_it_recognizes_that_nobody_listens() -> None:
    assert (await complaint("127.0.0.1:1")).startswith(
        "refused the connection; check that it is running"
    )


async def test_it_recognizes_a_name_that_does_not_resolve() -> None:
    sentence = await complaint("jaeger.invalid:16685")
    assert sentence == (
        f"cannot be found: its host name does not resolve; check the address in {TABLE}"
    )


async def test_it_recognizes_a_server_without_tls() -> None:
    async with FakeJaeger() as plain:
        sentence = await complaint(plain.address, Tls())
    assert sentence == f"does not speak TLS; remove tls from {TABLE}"


async def test_it_recognizes_a_server_with_tls() -> None:
    async with FakeJaeger(credentials=tls.grpcs()) as secure:
        sentence = await complaint(secure.address)
    assert "closes them immediately; if it uses TLS, set tls = true in " + TABLE in sentence


async def test_it_recognizes_an_untrusted_certificate() -> None:
    async with FakeJaeger(credentials=tls.grpcs()) as secure:
        sentence = await complaint(secure.address, Tls())
    assert sentence == (f"has a certificate that is not trusted; set tls.ca in {TABLE} to its CA")


async def test_it_recognizes_another_service() -> None:
    async with fake_instance() as other:
        sentence = await complaint(other.address)
    assert sentence.startswith("speaks gRPC but does not offer this service (")
    assert sentence.endswith(PORT)


async def test_it_says_which_file_is_gone() -> None:
    sentence = await complaint("127.0.0.1:1", Tls(ca="/nowhere/ca.pem"))
    assert "/nowhere/ca.pem" in sentence
    assert sentence.endswith(f"check tls in {TABLE}")


@pytest.mark.parametrize("code", grpc.StatusCode, ids=lambda code: code.name)
def test_it_has_a_sentence_for_every_status(code: grpc.StatusCode) -> None:
    error = sentence(PEER, code, "because {of} this")
    assert str(error).startswith("Jaeger of production at jaeger:16685 ")
    assert isinstance(error, InvalidInput | NotFound) or ADVICE.search(str(error))
    assert isinstance(error, InvalidInput | NotFound | BackendUnavailable)


@pytest.mark.parametrize("why", NotConnected, ids=lambda why: why.name)
@pytest.mark.parametrize("over_tls", [False, True], ids=["", "TLS"])
def test_it_has_advice_for_every_way_not_to_be_connected(why: NotConnected, over_tls: bool) -> None:
    words = not_connected_words(replace(PEER, tls=over_tls), why)
    assert ADVICE.search(words), words


def test_it_counts_only_silence_against_a_backend() -> None:
    silent = {
        code
        for code in grpc.StatusCode
        if isinstance(error := sentence(PEER, code, ""), BackendUnavailable) and not error.answered
    }
    assert silent == {grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED}
    assert isinstance(sentence(PEER, grpc.StatusCode.DEADLINE_EXCEEDED, ""), BackendTimeout)


def test_it_takes_only_the_server_s_own_refusals_for_bad_input() -> None:
    error = grpc.aio.AioRpcError(
        grpc.StatusCode.UNKNOWN, grpc.aio.Metadata(), grpc.aio.Metadata(), "depth must be above 0"
    )
    with pytest.raises(InvalidInput), translated(PEER, ("depth must be",)):
        raise error
    with pytest.raises(BackendUnavailable), translated(PEER):
        raise error


# Futures are the synchronous half of the library, which is not used here.
UNUSED = {grpc.FutureCancelledError, grpc.FutureTimeoutError}
EXCEPTIONS = sorted(
    {
        kind
        for module in (grpc, grpc.aio)
        for kind in vars(module).values()
        if inspect.isclass(kind) and issubclass(kind, BaseException)
    }
    - UNUSED,
    key=lambda kind: kind.__name__,
)


@pytest.mark.parametrize("kind", EXCEPTIONS, ids=lambda kind: kind.__name__)
def test_it_translates_every_exception_of_the_library(kind: type[BaseException]) -> None:
    if kind is grpc.aio.AioRpcError:
        empty = grpc.aio.Metadata()
        error: BaseException = grpc.aio.AioRpcError(grpc.StatusCode.INTERNAL, empty, empty)
    else:
        error = kind()
    with pytest.raises(OpsError, match="Jaeger of production at"), translated(PEER):
        raise error


async def test_it_opens_without_asking_the_server() -> None:
    channel = open_channel("127.0.0.1:1", None)
    assert channel.get_state() is grpc.ChannelConnectivity.IDLE
    await channel.close()


async def test_it_recognizes_an_answer_that_unpacks_to_more_than_is_accepted() -> None:
    async def large(request: bytes, context: grpc.aio.ServicerContext[bytes, bytes]) -> bytes:
        return bytes(5 * 1024**2)

    server = grpc.aio.server(compression=grpc.Compression.Gzip)
    handlers: Any = {"GetServices": grpc.unary_unary_rpc_method_handler(large)}
    service = "jaeger.api_v3.QueryService"
    server.add_generic_rpc_handlers([grpc.method_handlers_generic_handler(service, handlers)])
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    source = JaegerSource(f"127.0.0.1:{port}", largest_message=4 * 1024**2)
    with pytest.raises(BackendUnavailable, match="too much in one message, more than the limit"):
        await clients().jaeger(make_site(jaeger=source)).services()
    await server.stop(None)
