import socket
from pathlib import Path

import grpc.aio
import pytest
from django.core.management.base import CommandError
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc
from pytest_django import Settings

from ops import errors
from ops.rpc.auth import Unauthenticated
from ops.rpc.errors import STATUS, status_of
from ops.rpc.server import OPS, serve_grpc
from ops.rpc.servicer import OpsServicer
from proto.ops import ops_pb2
from tests.fakes import tls

SERVING = health_pb2.HealthCheckResponse.SERVING


@pytest.mark.parametrize("service", ["", "ops.Ops"])
async def test_it_says_that_it_is_serving(channel: grpc.aio.Channel, service: str) -> None:
    stub = health_pb2_grpc.HealthStub(channel)
    answer = await stub.Check(health_pb2.HealthCheckRequest(service=service))
    assert answer.status == SERVING


async def test_it_describes_itself(channel: grpc.aio.Channel) -> None:
    stub = reflection_pb2_grpc.ServerReflectionStub(channel)
    request = reflection_pb2.ServerReflectionRequest(list_services="")
    async for answer in stub.ServerReflectionInfo(iter([request])):
        names = {service.name for service in answer.list_services_response.service}
        assert "ops.Ops" in names and "grpc.health.v1.Health" in names
        break


async def test_it_says_when_the_port_is_taken() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        with pytest.raises(CommandError, match=f"cannot serve gRPC on {address}"):
            async with serve_grpc(address):
                pass


async def test_it_speaks_tls_when_told(settings: Settings) -> None:
    settings.GRPC_TLS_CERTIFICATE, settings.GRPC_TLS_KEY = tls.CERTIFICATE, tls.KEY
    credentials = grpc.ssl_channel_credentials(Path(tls.CA).read_bytes())
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
    with pytest.raises(CommandError, match=f"{certificate} and {key} are not .* OPSPORTAL_GRPC"):
        async with serve_grpc("127.0.0.1:0"):
            pass


def all_errors(kind: type[errors.OpsError] = errors.OpsError) -> list[type[errors.OpsError]]:
    return [kind, *(below for each in kind.__subclasses__() for below in all_errors(each))]


def test_it_has_a_status_for_every_error() -> None:
    ours = [kind for kind in all_errors() if kind.__module__ == "ops.errors"]
    assert {*ours, Unauthenticated} == set(STATUS)


def test_it_gives_an_inner_error_the_status_of_its_base() -> None:
    class Inner(errors.NotFound):
        pass

    assert status_of(Inner("gone")) is grpc.StatusCode.NOT_FOUND


def test_it_answers_every_method_of_the_contract() -> None:
    methods = [method.name for method in ops_pb2.DESCRIPTOR.services_by_name["Ops"].methods]
    assert OPS == "ops.Ops"
    assert methods == [name for name in vars(OpsServicer) if not name.startswith("_")]
