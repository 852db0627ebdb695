import asyncio
import socket
from pathlib import Path

import grpc.aio
import pytest
from django.core.management.base import CommandError
from google.protobuf.descriptor_pb2 import FileDescriptorProto
from google.protobuf.descriptor_pool import DescriptorPool
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha.reflection_pb2 import (
    ServerReflectionRequest,
    ServerReflectionResponse,
)
from pytest_django import Settings

from ops.rpc.server import serve_grpc
from tests.fakes import tls

AUTHORITY = Path(tls.CA).read_bytes()
SERVING = health_pb2.HealthCheckResponse.SERVING


async def test_it_answers_many_calls_that_begin_at_once_on_one_connection(
    channel: grpc.aio.Channel,
) -> None:
    stub = health_pb2_grpc.HealthStub(channel)
    calls = (stub.Check(health_pb2.HealthCheckRequest()) for _ in range(500))
    assert {answer.status for answer in await asyncio.gather(*calls)} == {SERVING}


@pytest.mark.parametrize("service", ["", "ops.Ops"])
async def test_it_says_that_it_is_serving(channel: grpc.aio.Channel, service: str) -> None:
    stub = health_pb2_grpc.HealthStub(channel)
    answer = await stub.Check(health_pb2.HealthCheckRequest(service=service))
    assert answer.status == SERVING


REFLECTION = ("grpc.reflection.v1.ServerReflection", "grpc.reflection.v1alpha.ServerReflection")


async def described(
    channel: grpc.aio.Channel, version: str = REFLECTION[0], **what: str
) -> ServerReflectionResponse:
    ask: grpc.aio.StreamStreamMultiCallable[ServerReflectionRequest, ServerReflectionResponse]
    ask = channel.stream_stream(
        f"/{version}/ServerReflectionInfo",
        request_serializer=ServerReflectionRequest.SerializeToString,
        response_deserializer=ServerReflectionResponse.FromString,
    )
    return await anext(aiter(ask(iter([ServerReflectionRequest(**what)]))))


async def files_of(
    channel: grpc.aio.Channel, version: str, symbol: str
) -> dict[str, FileDescriptorProto]:
    """The file that has the symbol, with all that it imports, as a client collects them."""
    answer = await described(channel, version, file_containing_symbol=symbol)
    files: dict[str, FileDescriptorProto] = {}
    waiting = [*answer.file_descriptor_response.file_descriptor_proto]
    while waiting:
        file = FileDescriptorProto.FromString(waiting.pop())
        files[file.name] = file
        for name in (each for each in file.dependency if each not in files):
            inner = await described(channel, version, file_by_filename=name)
            waiting += inner.file_descriptor_response.file_descriptor_proto
    return files


@pytest.mark.parametrize("version", REFLECTION)
async def test_it_describes_all_that_it_serves_to_clients_of_both_versions(
    channel: grpc.aio.Channel, version: str
) -> None:
    answer = await described(channel, version, list_services="")
    names = {service.name for service in answer.list_services_response.service}
    assert names == {"ops.Ops", "grpc.health.v1.Health", *REFLECTION}
    for name in names:
        files = await files_of(channel, version, name)
        pool = DescriptorPool()
        adding = list(files)
        while adding:
            name_ = adding.pop(0)
            if any(each in adding for each in files[name_].dependency):
                adding.append(name_)
            else:
                pool.Add(files[name_])
        for method in pool.FindServiceByName(name).methods:
            assert method.input_type.fields_by_name is not None
            described_alone = await described(
                channel, version, file_containing_symbol=method.full_name
            )
            assert described_alone.file_descriptor_response.file_descriptor_proto


@pytest.mark.parametrize("symbol", ["ops.Ops.Nothing", "ops.Nothing", "Ops", ""])
async def test_it_says_that_it_does_not_know_a_symbol(
    channel: grpc.aio.Channel, symbol: str
) -> None:
    answer = await described(channel, file_containing_symbol=symbol)
    assert answer.error_response.error_code == grpc.StatusCode.NOT_FOUND.value[0]


@pytest.mark.parametrize(
    ("method", "data"),
    [
        ("/ops.Ops/Alerts", b"\xff\xff"),
        ("/ops.Ops/ShowTrace", b"\x0a\x02\xc3\x28"),
        ("/grpc.health.v1.Health/Check", b"\x0a\x7f"),
    ],
    ids=["no protobuf", "no UTF-8", "cut"],
)
@pytest.mark.usefixtures("guest")
async def test_it_refuses_bytes_that_are_no_message_without_naming_a_class(
    channel: grpc.aio.Channel, method: str, data: bytes
) -> None:
    call: grpc.aio.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary(method)
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call(data)
    assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert "cannot be read" in (caught.value.details() or "")
    assert "class" not in (caught.value.details() or "")


async def test_it_says_when_the_port_is_taken() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        with pytest.raises(
            CommandError, match=f"cannot serve gRPC on {address}: Address already in use; "
        ):
            async with serve_grpc(address):
                pass


@pytest.mark.parametrize("address", ["192.0.2.1:0", "[::1%none]:0"])
async def test_it_says_when_the_address_is_not_ours(address: str) -> None:
    with pytest.raises(CommandError, match="choose another with OPSPORTAL_GRPC_ADDRESS"):
        async with serve_grpc(address):
            pass


async def test_it_speaks_tls_when_told(settings: Settings) -> None:
    settings.GRPC_TLS_CERTIFICATE, settings.GRPC_TLS_KEY = tls.CERTIFICATE, tls.KEY
    credentials = grpc.ssl_channel_credentials(AUTHORITY)
    async with (
        serve_grpc("127.0.0.1:0") as port,
        grpc.aio.secure_channel(f"127.0.0.1:{port}", credentials) as channel,
    ):
        stub = health_pb2_grpc.HealthStub(channel)
        assert (await stub.Check(health_pb2.HealthCheckRequest())).status == SERVING


@pytest.mark.parametrize(
    ("certificate", "key"),
    [(tls.KEY, tls.CERTIFICATE), (tls.CA, tls.KEY), ("/nowhere.pem", tls.KEY)],
    ids=["exchanged", "another's", "missing"],
)
async def test_it_says_when_the_certificate_is_no_good(
    settings: Settings, certificate: str, key: str
) -> None:
    settings.GRPC_TLS_CERTIFICATE, settings.GRPC_TLS_KEY = certificate, key
    with pytest.raises(CommandError, match=f"{certificate} and {key} are not a PEM cert"):
        async with serve_grpc("127.0.0.1:0"):
            pass
