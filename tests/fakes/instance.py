"""An instance of a service: a real gRPC server whose sampler can be changed, or that fails."""

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
    """Record the changes in `told` as (type, rate); `fails` and `hangs` make it misbehave.

    Each change takes `seconds`, half of them before it is made and half after. `asked` is set
    when a call starts, `given_up` when a call that hung is cancelled; one that hangs goes on when
    `resumed` is set.
    """

    address: str = ""
    told: list[tuple[str, float]] = field(default_factory=list)
    fails: grpc.StatusCode | None = None
    hangs: bool = False
    seconds: float = 0.0
    asked: asyncio.Event = field(default_factory=asyncio.Event)
    given_up: asyncio.Event = field(default_factory=asyncio.Event)
    resumed: asyncio.Event = field(default_factory=asyncio.Event)

    async def change(
        self, request: petstore_pb2.ChangeSamplerReq, context: grpc.aio.ServicerContext[Any, Any]
    ) -> petstore_pb2.ChangeSamplerResp:
        self.asked.set()
        if self.hangs:
            try:
                await self.resumed.wait()
            except asyncio.CancelledError:
                self.given_up.set()
                raise
        if self.fails:
            await context.abort(self.fails, "told to fail")
        sampler, half = request.sampler, self.seconds / 2
        await asyncio.sleep(half)
        self.told.append((petstore_pb2.SamplerType.Name(sampler.type), sampler.float_value))
        await asyncio.sleep(half)
        return petstore_pb2.ChangeSamplerResp()


@asynccontextmanager
async def fake_instance(
    credentials: grpc.ServerCredentials | None = None, port: int = 0
) -> AsyncIterator[FakeInstance]:
    """Serve one on that port (0 means a free one), over TLS if there are credentials."""
    instance = FakeInstance()
    server = grpc.aio.server(options=(("grpc.so_reuseport", 0),))
    handler = grpc.unary_unary_rpc_method_handler(
        instance.change,
        petstore_pb2.ChangeSamplerReq.FromString,
        petstore_pb2.ChangeSamplerResp.SerializeToString,
    )
    service = petstore_pb2.DESCRIPTOR.services_by_name["PetStore"].full_name
    server.add_generic_rpc_handlers(
        (grpc.method_handlers_generic_handler(service, {"ChangeSampler": handler}),)
    )
    if credentials:
        port = server.add_secure_port(f"127.0.0.1:{port}", credentials)
    else:
        port = server.add_insecure_port(f"127.0.0.1:{port}")
    instance.address = f"127.0.0.1:{port}"
    await server.start()
    try:
        yield instance
    finally:
        await server.stop(None)
