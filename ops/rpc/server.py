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
LARGEST_FRAME = 1024 * 1024  # bytes; ops.limits refuses above 64 KiB, with a sentence of ours
_OPTIONS = (
    ("grpc.so_reuseport", 0),  # otherwise it would silently share another process's port
    ("grpc.max_receive_message_length", LARGEST_FRAME),
    # Calls that a client starts before it learns this number are refused above it.
    ("grpc.max_concurrent_streams", 1_000),
    ("grpc.server_handshake_timeout_ms", 10_000),
)


@asynccontextmanager
async def serve_grpc(address: str) -> AsyncIterator[int]:
    """Serve on `host:port` while inside; yields the port, a free one if 0 was given.

    Raises CommandError if it cannot listen there or the certificate is invalid. Calls in
    progress get five seconds to finish.
    """
    server = grpc.aio.server(options=_OPTIONS)
    add_ops(OpsServicer(), server)
    alive = health.aio.HealthServicer()
    health_pb2_grpc.add_HealthServicer_to_server(alive, ReadableRequests(server))
    add_reflection(server, (SERVICE.full_name, health.SERVICE_NAME))
    port = _bind(server, address)
    starting = asyncio.ensure_future(server.start())
    try:
        await asyncio.shield(starting)
        for name in ("", SERVICE.full_name):
            await alive.set(name, health_pb2.HealthCheckResponse.SERVING)
        yield port
    finally:
        # A gRPC server crashes if it is stopped before its start has finished.
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
        reason = error.strerror if isinstance(error, OSError) else "another process just took it"
        raise CommandError(
            f"cannot serve gRPC on {address}: {reason}; choose another with OPSPORTAL_GRPC_ADDRESS"
        ) from None


def _try_to_bind(address: str) -> None:
    """Raise OSError with the system's reason; gRPC gives none and logs lines of its own."""
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
        # For a wrong pair, gRPC would only say that it cannot bind. `str` is an empty password,
        # so that an encrypted key is refused instead of prompting at the terminal.
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
