"""The gRPC server: the Ops service, health and reflection."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import grpc
import grpc.aio
from django.conf import settings
from django.core.management.base import CommandError
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection

from ops.rpc.servicer import OpsServicer
from proto.ops import ops_pb2, ops_pb2_grpc

GRACE = 5.0
OPS = ops_pb2.DESCRIPTOR.services_by_name["Ops"].full_name
# gRPC would share a port that another process has, without a word.
_OPTIONS = (("grpc.so_reuseport", 0),)


@asynccontextmanager
async def serve_grpc(address: str) -> AsyncIterator[int]:
    """Serve on `host:port` while inside; gives the port that was bound (asked for or 0).

    Raises CommandError when it cannot listen there or the certificate is no good. Calls under
    way get five seconds to finish.
    """
    server = grpc.aio.server(options=_OPTIONS)
    ops_pb2_grpc.add_OpsServicer_to_server(OpsServicer(), server)
    alive = health.aio.HealthServicer()
    health_pb2_grpc.add_HealthServicer_to_server(alive, server)
    names = (OPS, health.SERVICE_NAME, reflection.SERVICE_NAME)
    reflection.enable_server_reflection(names, server)
    port = _bind(server, address)
    await server.start()
    for name in ("", OPS):
        await alive.set(name, health_pb2.HealthCheckResponse.SERVING)
    try:
        yield port
    finally:
        await alive.enter_graceful_shutdown()
        await server.stop(GRACE)


def _bind(server: grpc.aio.Server, address: str) -> int:
    try:
        if settings.GRPC_TLS_CERTIFICATE:
            return server.add_secure_port(address, _credentials())
        return server.add_insecure_port(address)
    except RuntimeError:
        raise CommandError(
            f"cannot serve gRPC on {address}: the address is taken or not ours, or the "
            "certificate does not fit its key; choose another with OPSPORTAL_GRPC_ADDRESS"
        ) from None


def _credentials() -> grpc.ServerCredentials:
    key = Path(settings.GRPC_TLS_KEY).read_bytes()
    certificate = Path(settings.GRPC_TLS_CERTIFICATE).read_bytes()
    return grpc.ssl_server_credentials([(key, certificate)])
