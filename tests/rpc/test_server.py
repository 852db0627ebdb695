import socket
from pathlib import Path

import grpc.aio
import pytest
from django.core.management.base import CommandError
from google.protobuf.descriptor_pb2 import FileDescriptorProto
from google.protobuf.descriptor_pool import DescriptorPool
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc
from grpc_reflection.v1alpha.reflection_pb2 import ServerReflectionResponse
from pytest_django import Settings

from ops.rpc.server import serve_grpc
from tests.fakes import tls

AUTHORITY = Path(tls.CA).read_bytes()
SERVING = health_pb2.HealthCheckResponse.SERVING


@pytest.mark.parametrize("service", ["", "ops.Ops"])
async def test_it_says_that_it_is_serving(channel: grpc.aio.Channel, service: str) -> None:
    stub = health_pb2_grpc.HealthStub(channel)
    answer = await stub.Check(health_pb2.HealthCheckRequest(service=service))
    assert answer.status == SERVING


async def described(channel: grpc.aio.Channel, **what: str) -> ServerReflectionResponse:
    request = reflection_pb2.ServerReflectionRequest(**what)
    answers = reflection_pb2_grpc.ServerReflectionStub(channel).ServerReflectionInfo(
        iter([request])
    )
    return await anext(aiter(answers))


async def test_it_names_its_services(channel: grpc.aio.Channel) -> None:
    answer = await described(channel, list_services="")
    names = {service.name for service in answer.list_services_response.service}
    assert names >= {"ops.Ops", "grpc.health.v1.Health"}


async def test_it_describes_them_with_all_that_they_import(channel: grpc.aio.Channel) -> None:
    pool = DescriptorPool()
    answer = await described(channel, file_containing_symbol="ops.Ops")
    files = [
        FileDescriptorProto.FromString(file)
        for file in answer.file_descriptor_response.file_descriptor_proto
    ]
    wanted = [name for file in files for name in file.dependency]
    for name in wanted:
        found = (await described(channel, file_by_filename=name)).file_descriptor_response
        inner = [FileDescriptorProto.FromString(file) for file in found.file_descriptor_proto]
        wanted += [name for file in inner for name in file.dependency if name not in wanted]
        files = inner + files
    for file in files:
        pool.Add(file)
    logs = pool.FindServiceByName("ops.Ops").methods_by_name["ShowLogs"].output_type
    log = logs.fields_by_name["logs"].message_type
    assert log is not None and log.full_name == "jaeger.api_v2.Log"


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
