"""The gRPC server: the Ops service, health and reflection."""

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import grpc
import grpc.aio
from django.conf import settings
from django.core.management.base import CommandError
from grpc_health.v1 import health, health_pb2, health_pb2_grpc

from ops.rpc.errors import ReadableRequests
from ops.rpc.reflection import add_reflection
from ops.rpc.servicer import SERVICE, OpsServicer, add_ops

GRACE = 5.0
LARGEST_MESSAGE = 1024 * 1024  # bytes; what is larger than `limits` allow reads a sentence of ours
_OPTIONS = (
    ("grpc.so_reuseport", 0),  # it would share a port that another process has, without a word
    ("grpc.max_receive_message_length", LARGEST_MESSAGE),
    # A client that begins more calls at once, before it knows this number, sees them refused.
    ("grpc.max_concurrent_streams", 1_000),
    ("grpc.server_handshake_timeout_ms", 10_000),
)


@asynccontextmanager
async def serve_grpc(address: str) -> AsyncIterator[int]:
    """Serve on `host:port` while inside; gives the port, which is a free one where 0 was asked.

    Raises CommandError when it cannot listen there or the certificate is no good. Calls under
    way get five seconds to finish.
    """
    server = grpc.aio.server(interceptors=(ReadableRequests(),), options=_OPTIONS)
    add_ops(OpsServicer(), server)
    alive = health.aio.HealthServicer()
    health_pb2_grpc.add_HealthServicer_to_server(alive, server)
    add_reflection(server, (SERVICE.full_name, health.SERVICE_NAME))
    port = _bind(server, address)
    starting = asyncio.ensure_future(server.start())
    try:
        await asyncio.shield(starting)
        for name in ("", SERVICE.full_name):
            await alive.set(name, health_pb2.HealthCheckResponse.SERVING)
        yield port
    finally:
        # A gRPC server whose start was cut short crashes when it is stopped.
        await starting
        await alive.enter_graceful_shutdown()
        await server.stop(GRACE)


def _bind(server: grpc.aio.Server, address: str) -> int:
    credentials = _credentials()
    try:
        _try_to_bind(address)
        if credentials:
            return server.add_secure_port(address, credentials)
        return server.add_insecure_port(address)
    except (OSError, RuntimeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "somebody else was quicker"
        raise CommandError(
            f"cannot serve gRPC on {address}: {reason}; choose another with OPSPORTAL_GRPC_ADDRESS"
        ) from None


def _try_to_bind(address: str) -> None:
    """Raise OSError with the system's reason, where gRPC has none and logs lines of its own."""
    host, _, port = address.rpartition(":")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as trial:
        trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        trial.bind((host.strip("[]"), int(port)))


def _credentials() -> grpc.ServerCredentials | None:
    certificate, key = settings.GRPC_TLS_CERTIFICATE, settings.GRPC_TLS_KEY
    if not certificate:
        return None
    try:
        # gRPC would say of a wrong pair only that it cannot bind. `str` is an empty password:
        # an encrypted key is refused instead of asked for at the terminal.
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(certificate, key, password=str)
        pair = Path(key).read_bytes(), Path(certificate).read_bytes()
    except OSError as error:
        reason = "" if isinstance(error, ssl.SSLError) else f" ({error.strerror})"
        raise CommandError(
            f"cannot serve gRPC with TLS: {certificate} and {key} are not a PEM certificate and "
            f"its key without a password{reason}; correct "
            "OPSPORTAL_GRPC_TLS_CERTIFICATE and OPSPORTAL_GRPC_TLS_KEY"
        ) from None
    return grpc.ssl_server_credentials([pair])
