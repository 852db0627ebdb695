from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import grpc.aio
import pytest
from django.contrib.auth.models import User
from pytest_django import Settings

from ops.database import in_database
from ops.rpc import auth
from ops.rpc.server import serve_grpc
from proto.ops.ops_pb2_grpc import OpsStub
from tests.conftest import Person, SiteFile
from tests.fakes.instance import FakeInstance, fake_instance
from tests.fakes.jaeger import FakeJaeger
from tests.fakes.prometheus import FakePrometheus

if TYPE_CHECKING:
    from proto.ops.ops_pb2_grpc import OpsAsyncStub

Client: TypeAlias = "OpsAsyncStub"


@dataclass
class Backends:
    """What stands behind the default service."""

    jaeger: FakeJaeger
    prometheus: FakePrometheus
    instances: list[FakeInstance]


@pytest.fixture
async def channel(transactional_db: None) -> AsyncIterator[grpc.aio.Channel]:
    """A channel to our server."""
    auth.cache.clear()
    async with (
        serve_grpc("127.0.0.1:0") as port,
        grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel,
    ):
        yield channel


@pytest.fixture
def ops(channel: grpc.aio.Channel) -> Client:
    """The client that existing programs have."""
    return OpsStub(channel)


@pytest.fixture
async def guest(person: Person, settings: Settings) -> User:
    """An operator, as whom calls without a token act."""
    settings.GRPC_ANONYMOUS_USER = "guest"
    auth.cache.clear()
    return await in_database(person, "guest", "operators")


@pytest.fixture
async def backends(site_file: SiteFile, guest: User, jaeger: FakeJaeger) -> AsyncIterator[Backends]:
    async with AsyncExitStack() as stack:
        prometheus = await stack.enter_async_context(FakePrometheus())
        instances = [await stack.enter_async_context(fake_instance()) for _ in range(2)]
        addresses = ", ".join(f'"{instance.address}"' for instance in instances)
        site_file(
            f"""
            [sites.demo.jaeger]
            address = "{jaeger.address}"
            ui = "https://jaeger.example.com"
            [[sites.demo.prometheus]]
            url = "{prometheus.url}"
            [sites.demo.services.petstore]
            instances = [{addresses}]
            version = "build_info"
            """
        )
        yield Backends(jaeger, prometheus, instances)
