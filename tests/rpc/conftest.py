from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, TypeAlias

import grpc.aio
import pytest
from django.contrib.auth.models import User
from pytest_django import Settings

from ops.database import in_database
from ops.rpc import auth
from ops.rpc.server import serve_grpc
from proto.ops.ops_pb2_grpc import OpsStub
from tests.conftest import Person

if TYPE_CHECKING:
    from proto.ops.ops_pb2_grpc import OpsAsyncStub

Client: TypeAlias = "OpsAsyncStub"


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
