"""How the demo's gRPC servers listen: one process a port, health and reflection beside."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import grpc.aio
from django.core.management.base import CommandError
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection

# gRPC would share a port that another process has, without a word.
OPTIONS = (("grpc.so_reuseport", 0), ("grpc.max_receive_message_length", -1))
GRACE = 0.2


@asynccontextmanager
async def serving(
    address: str, name: str, *register: Callable[[grpc.aio.Server], object]
) -> AsyncIterator[str]:
    """Serve while inside; gives the bound host:port. `name` is the service's full name.

    Raises CommandError when the address is taken.
    """
    server = grpc.aio.server(options=OPTIONS)
    for add in register:
        add(server)
    await add_health(server, name)
    names = (name, health.SERVICE_NAME, reflection.SERVICE_NAME)
    reflection.enable_server_reflection(names, server)
    try:
        port = server.add_insecure_port(address)
    except RuntimeError:
        raise CommandError(
            f"cannot serve gRPC on {address}: the address is taken or not ours; choose another"
        ) from None
    await server.start()
    try:
        yield f"{address.rpartition(':')[0]}:{port}"
    finally:
        await server.stop(GRACE)


async def add_health(server: grpc.aio.Server, name: str) -> None:
    """Let a server say that it and the named service serve."""
    states = health.aio.HealthServicer()
    await states.set(name, health_pb2.HealthCheckResponse.SERVING)
    health_pb2_grpc.add_HealthServicer_to_server(states, server)
