"""Context managers for the demo's servers and its background work."""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import ExitStack, asynccontextmanager
from typing import Any

import grpc.aio
from aiohttp import web
from django.core.management.base import CommandError
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, generate_latest

# By default gRPC silently shares a port that another process listens on.
OPTIONS = (("grpc.so_reuseport", 0), ("grpc.max_receive_message_length", -1))
GRACE = 0.2


@asynccontextmanager
async def grpc_server(
    address: str, name: str, *register: Callable[[grpc.aio.Server], object]
) -> AsyncIterator[str]:
    """Serve while inside; yield the bound host:port. `name` is the service's full name.

    Health and reflection are served too. Raises CommandError if the address is taken.
    """
    server = grpc.aio.server(options=OPTIONS)
    for add in register:
        add(server)
    await add_health(server, name)
    names = (name, health.SERVICE_NAME, reflection.SERVICE_NAME)
    reflection.enable_server_reflection(names, server)
    try:
        _try_to_bind(address)
        port = server.add_insecure_port(address)
    except (OSError, RuntimeError):
        raise _taken(address) from None
    await server.start()
    try:
        yield f"{address.rpartition(':')[0]}:{port}"
    finally:
        await server.stop(GRACE)


@asynccontextmanager
async def http_server(address: str, application: web.Application) -> AsyncIterator[str]:
    """Serve while inside; yield the URL. Raises CommandError if the address is taken."""
    host, _, port = address.rpartition(":")
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=GRACE)
    await runner.setup()
    try:
        try:
            await web.TCPSite(runner, host.strip("[]"), int(port)).start()
        except OSError:
            raise _taken(address) from None
        yield f"http://{host}:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


def free_addresses(count: int) -> list[str]:
    """Return addresses that nobody listens on, for servers that are started later."""
    with ExitStack() as stack:
        found = [stack.enter_context(socket.socket()) for _ in range(count)]
        for each in found:
            each.bind(("127.0.0.1", 0))
        return ["{}:{}".format(*each.getsockname()) for each in found]


async def is_served(address: str) -> bool:
    """Return whether somebody listens on an address."""
    host, _, port = address.rpartition(":")
    try:
        _, writer = await asyncio.open_connection(host, int(port))
    except OSError:
        return False
    writer.close()
    return True


def metrics_page(registry: CollectorRegistry) -> web.Application:
    """Return the application that shows a registry at `/metrics`."""

    async def answer(request: web.Request) -> web.Response:
        headers = {"Content-Type": CONTENT_TYPE_PLAIN_0_0_4}
        return web.Response(body=generate_latest(registry), headers=headers)

    application = web.Application()
    application.router.add_get("/metrics", answer)
    return application


@asynccontextmanager
async def working(*work: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    """Run endless work while inside; if some of it fails, all of it ends."""
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(each) for each in work]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()


async def add_health(server: grpc.aio.Server, name: str) -> None:
    """Register health checks that report the server and the named service as serving."""
    states = health.aio.HealthServicer()
    await states.set(name, health_pb2.HealthCheckResponse.SERVING)
    health_pb2_grpc.add_HealthServicer_to_server(states, server)


def _try_to_bind(address: str) -> None:
    """Raise OSError if the address cannot be bound; gRPC would print its own lines."""
    host, _, port = address.rpartition(":")
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as trial:
        trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        trial.bind((host.strip("[]"), int(port)))


def _taken(address: str) -> CommandError:
    return CommandError(
        f"cannot listen on {address}: in use, or not on this machine; choose another"
    )
