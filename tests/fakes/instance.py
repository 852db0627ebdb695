"""An instance of a service: a real gRPC server whose sampler is changed, or that fails."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import grpc
import grpc.aio

from proto.petstore import petstore_pb2


@dataclass
class FakeInstance:
    """Remembers what it was told as (type, rate); `fails` and `hangs` make it misbehave."""

    address: str = ""
    told: list[tuple[str, float]] = field(default_factory=list)
    fails: grpc.StatusCode | None = None
    hangs: bool = False
    asked: asyncio.Event = field(default_factory=asyncio.Event)

    async def _change(
        self, request: petstore_pb2.ChangeSamplerReq, context: grpc.aio.ServicerContext[Any, Any]
    ) -> petstore_pb2.ChangeSamplerResp:
        self.asked.set()
        if self.hangs:
            await asyncio.Event().wait()
        if self.fails:
            await context.abort(self.fails, "told to fail")
        sampler = request.sampler
        self.told.append((petstore_pb2.SamplerType.Name(sampler.type), sampler.float_value))
        return petstore_pb2.ChangeSamplerResp()


@asynccontextmanager
async def fake_instance() -> AsyncIterator[FakeInstance]:
    """Serve one on a free port."""
    instance = FakeInstance()
    server = grpc.aio.server(options=(("grpc.so_reuseport", 0),))
    petstore_pb2_grpc.add_PetStoreServicer_to_server(instance, server)
    instance.address = f"127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}"
    await server.start()
    try:
        yield instance
    finally:
        await server.stop(None)
