"""With a key from anywhere, without one only from this machine and from no browser or proxy."""

from base64 import b64encode
from hashlib import sha256

import grpc.aio
import httpx
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from ops.remote.keys import Keys, Refused, is_loopback
from proto.jaeger.api_v2.sampling_pb2 import SamplingStrategyParameters
from proto.jaeger.api_v2.sampling_pb2_grpc import SamplingManagerStub
from tests.remote.conftest import KEY, Machines

KEYS = Keys([sha256(b"an older key").digest(), sha256(KEY.encode()).digest()])
ANYWHERE, HERE = "0.0.0.0:5778", "127.0.0.1:5778"
BASIC = b64encode(f"jaeger:{KEY}".encode()).decode()


@pytest.mark.parametrize(
    "authorization",
    [f"Bearer {KEY}", f"bearer {KEY}", f"ApiKey {KEY}", f"Basic {BASIC}", "Bearer an older key"],
)
def test_a_key_is_admitted_from_anywhere(authorization: str) -> None:
    headers = {"authorization": authorization, "origin": "http://x", "host": "ops.example.com"}
    assert KEYS.admit(headers, ANYWHERE)


@pytest.mark.parametrize(
    ("headers", "address", "status"),
    [
        ({}, ANYWHERE, 401),
        ({"authorization": "Bearer wrong"}, ANYWHERE, 401),
        ({"authorization": "Bearer wrong"}, HERE, 401),
        ({"authorization": "Basic !"}, ANYWHERE, 401),
        ({"authorization": KEY}, ANYWHERE, 401),
        ({"origin": "http://example.com"}, HERE, 403),
        ({"forwarded": "for=10.0.0.1"}, HERE, 403),
        ({"x-forwarded-for": "10.0.0.1"}, HERE, 403),
        ({"x-forwarded-proto": "https"}, HERE, 403),
        ({"via": "1.1 proxy"}, HERE, 403),
        ({"sec-fetch-site": "cross-site"}, HERE, 403),
        ({"host": "example.com:5778"}, HERE, 403),
        ({"host": "127.0.0.1.example.com"}, HERE, 403),
    ],
)
def test_others_are_refused(headers: dict[str, str], address: str, status: int) -> None:
    with pytest.raises(Refused) as refused:
        KEYS.admit(headers, address)
    assert refused.value.status == status


@pytest.mark.parametrize("host", ["127.0.0.1:5778", "localhost:5778", "[::1]:5778", "127.0.0.2"])
def test_this_machine_needs_no_key(host: str) -> None:
    headers = {"host": host, "sec-fetch-mode": "cors"}  # as Node sends
    assert not KEYS.admit(headers, HERE)


def test_names_that_only_begin_like_loopback_are_not() -> None:
    assert not is_loopback("127.0.0.1.example.com")
    assert not is_loopback("")


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Origin": "http://example.com"}, 403),
        ({"Host": "example.com"}, 403),
        ({"Authorization": "Bearer wrong"}, 401),
        ({"Authorization": f"Bearer {KEY}", "Host": "example.com"}, 200),
    ],
)
async def test_http_is_refused_in_one_sentence(
    headers: dict[str, str], status: int, http: httpx.AsyncClient
) -> None:
    answer = await http.get("/sampling?service=petstore", headers=headers)
    assert answer.status_code == status
    assert status == 200 or len(answer.text.splitlines()) == 1
    assert ("www-authenticate" in answer.headers) == (status == 401)


async def test_a_web_page_cannot_open_a_socket(at: str) -> None:
    with pytest.raises(InvalidStatus) as refused:
        async with connect(f"ws://{at}/v1/opamp", origin="http://example.com"):  # type: ignore[arg-type]
            pass
    assert refused.value.response.status_code == 403


@pytest.mark.parametrize(
    ("metadata", "code"),
    [
        ((("authorization", "Bearer wrong"),), grpc.StatusCode.UNAUTHENTICATED),
        ((("x-forwarded-for", "10.0.0.1"),), grpc.StatusCode.PERMISSION_DENIED),
    ],
)
async def test_grpc_is_refused(
    metadata: tuple[tuple[str, str], ...], code: grpc.StatusCode, machines: Machines
) -> None:
    async with machines.grpc() as address, grpc.aio.insecure_channel(address) as channel:
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await SamplingManagerStub(channel).GetSamplingStrategy(
                SamplingStrategyParameters(serviceName="petstore"), metadata=metadata
            )
    assert refused.value.code() is code


async def test_it_remembers_who_asked_without_a_key(
    machines: Machines, http: httpx.AsyncClient
) -> None:
    for headers in (
        {"User-Agent": "keyed", "Authorization": f"Bearer {KEY}"},
        {"User-Agent": "not"},
    ):
        await http.get("/sampling?service=petstore", headers=headers)
    agents = machines.site.agents.unwritten(machines.clock.now)
    assert {each.client: each.unauthenticated for each in agents} == {"keyed": False, "not": True}
