"""OpAMP over HTTP and WebSockets, as clients send it."""

import asyncio
import gzip
from collections.abc import AsyncIterator

import httpx
import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from ops.remote.http import LARGEST_BODY
from ops.sampling.proof import Proof
from ops.vocabulary.policies import rate
from proto.opamp.opamp_pb2 import (
    AgentToServer,
    RemoteConfigStatus,
    RemoteConfigStatuses_APPLIED,
    ServerErrorResponseType_BadRequest,
    ServerErrorResponseType_Unavailable,
    ServerToAgent,
)
from tests.remote.conftest import Machines

WITHIN = 60  # seconds, within which everything happens unless it never does
SENT = {"Content-Type": "application/x-protobuf"}


def hello(uid: bytes = b"u" * 16, number: int = 0) -> AgentToServer:
    message = AgentToServer(instance_uid=uid, sequence_num=number, capabilities=3)
    message.agent_description.identifying_attributes.add(
        key="service.name"
    ).value.string_value = "petstore"
    return message


def applied(answer: ServerToAgent, number: int = 1) -> AgentToServer:
    return AgentToServer(
        instance_uid=answer.instance_uid,
        sequence_num=number,
        capabilities=3,
        remote_config_status=RemoteConfigStatus(
            last_remote_config_hash=answer.remote_config.config_hash,
            status=RemoteConfigStatuses_APPLIED,
        ),
    )


async def packed(*parts: bytes) -> AsyncIterator[bytes]:
    for part in parts:
        yield part


@pytest.mark.parametrize("as_sent", ["plain", "gzip", "gzip, chunked"])
async def test_it_reads_each_form_of_a_request(
    as_sent: str, machines: Machines, http: httpx.AsyncClient
) -> None:
    machines.set("petstore", 7, rate(0.5))
    body = hello().SerializeToString()
    headers = SENT
    content: bytes | AsyncIterator[bytes] = body
    if as_sent != "plain":
        headers = {**SENT, "Content-Encoding": "gzip"}
        content = gzip.compress(body)
    if as_sent == "gzip, chunked":
        content = packed(content[:10], content[10:])  # type: ignore[index]
    answer = await http.post("/v1/opamp", content=content, headers=headers)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/x-protobuf"  # to the letter, for Node
    assert ServerToAgent.FromString(answer.content).HasField("remote_config")


@pytest.mark.parametrize(
    ("body", "encoding", "status", "sentence"),
    [
        (b"\x0a\xff", "", 400, "The body must be an AgentToServer message of OpAMP.\n"),
        (b"garbage", "gzip", 400, "The body is not gzip.\n"),
        (gzip.compress(b"a" * 100)[:-9], "gzip", 400, "The body is not gzip.\n"),
        (b"a", "br", 415, "Content-Encoding must be gzip, or missing.\n"),
        (b"a" * (LARGEST_BODY + 1), "", 413, "The message is larger than 1024 KiB.\n"),
        (gzip.compress(bytes(50_000_000)), "gzip", 413, "The message is larger than 1024 KiB.\n"),
    ],
    ids=["protobuf", "gzip", "cut gzip", "brotli", "large", "bomb"],
)
async def test_it_refuses_garbage_in_one_sentence(
    body: bytes, encoding: str, status: int, sentence: str, http: httpx.AsyncClient
) -> None:
    headers = {"Content-Encoding": encoding} if encoding else {}
    answer = await http.post("/v1/opamp", content=body, headers={**SENT, **headers})
    assert (answer.status_code, answer.text) == (status, sentence)


async def received(socket: ClientConnection) -> ServerToAgent:
    async with asyncio.timeout(WITHIN):
        data = await socket.recv()
    assert isinstance(data, bytes) and data[:1] == b"\0"
    return ServerToAgent.FromString(data[1:])


@pytest.mark.parametrize("header", [b"\0", b""])
async def test_a_change_reaches_every_socket_at_once(
    header: bytes, machines: Machines, at: str
) -> None:
    machines.set("petstore", 7, rate(0.5))
    url = f"ws://{at}/v1/opamp"
    async with connect(url) as one, connect(url) as other:
        for socket, uid in ((one, b"u" * 16), (other, b"v" * 16)):
            await socket.send(header + hello(uid).SerializeToString())
            await socket.send(header + applied(await received(socket)).SerializeToString())
            assert not (await received(socket)).HasField("remote_config")
        machines.set("petstore", 8, rate(0.25))
        await machines.sockets.push(machines.site)
        for socket in (one, other):
            config = (await received(socket)).remote_config.config.config_map
            assert config["elastic"].body == b'{"sampling_rate":"0.25"}'


async def test_garbage_over_a_socket_is_answered_and_the_socket_goes_on(
    machines: Machines, at: str
) -> None:
    machines.set("petstore", 7, rate(0.5))
    async with connect(f"ws://{at}/v1/opamp") as socket:
        for garbage in (b"\0\x0a\xff", b"\x0a\xff", b"", "text"):
            await socket.send(garbage)
            answer = await received(socket)
            assert answer.error_response.type == ServerErrorResponseType_BadRequest
        await socket.send(b"\0" + hello().SerializeToString())
        assert (await received(socket)).HasField("remote_config")


async def test_a_socket_that_closes_takes_its_agent_along(machines: Machines, at: str) -> None:
    machines.set("petstore", 7, rate(0.5))
    async with connect(f"ws://{at}/v1/opamp") as socket:
        await socket.send(b"\0" + hello().SerializeToString())
        await received(socket)
    async with asyncio.timeout(WITHIN):
        while len(machines.site.agents):  # noqa: ASYNC110 - nothing says when the server knows
            await asyncio.sleep(0)
    assert [each.proof for each in machines.site.agents.unwritten(0)] == [Proof.GONE]


async def test_there_is_a_socket_for_opamp_only(at: str) -> None:
    with pytest.raises(Exception, match="404"):
        async with connect(f"ws://{at}/sampling"):
            pass


async def test_one_that_stops_asks_agents_to_come_back(machines: Machines, at: str) -> None:
    async with connect(f"ws://{at}/v1/opamp") as socket:
        await socket.send(b"\0" + hello().SerializeToString())
        await received(socket)
        await machines.sockets.close()
        goodbye = await received(socket)
        assert goodbye.error_response.type == ServerErrorResponseType_Unavailable
        assert goodbye.error_response.retry_info.retry_after_nanoseconds
        with pytest.raises(ConnectionClosed) as closed:
            await received(socket)
        assert closed.value.rcvd and closed.value.rcvd.code == 1001


async def test_one_that_stops_answers_503_with_retry_after(
    machines: Machines, http: httpx.AsyncClient
) -> None:
    machines.stopping.set()
    answer = await http.post("/v1/opamp", content=hello().SerializeToString(), headers=SENT)
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
