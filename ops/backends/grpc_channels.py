"""gRPC channels to backends.

A channel is not a connection: it opens one at the first call, and replaces it by itself.

    IDLE ── first call ──> CONNECTING ── accepted ──> READY ── closed, or pings unanswered ──┐
      ^                     │      ^                                                         │
      │             refused │      │ after 0.2 to 2 s                                        │
      │                     v      │                                                         │
      │              TRANSIENT_FAILURE: calls fail at once, with the last reason             │
      └──────────────────────────────────────────────────────────────────────────────────────┘

So a backend that comes back is noticed after about two seconds at most. Samplers, which are called
seldom and must not wait for that, open a channel for every call instead.
"""

from dataclasses import dataclass
from pathlib import Path

import grpc
import grpc.aio

from ops.sites import Tls

SMALLEST_MESSAGE = 4 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Peer:
    """What error messages need to know about a gRPC server.

    `name` is for display ("Jaeger of production"), `port` says which port is meant, `table` is
    the server's table in the site file, `tls` says whether the connection uses TLS.
    """

    name: str
    address: str
    port: str
    table: str
    tls: bool = False

    @property
    def place(self) -> str:
        return f"{self.name} at {self.address}"


def open_channel(
    address: str,
    tls: Tls | None,
    largest_message: int = SMALLEST_MESSAGE,
    server_name: str = "",
) -> grpc.aio.Channel:
    """Open a channel in the running loop; nothing is sent before the first call.

    `largest_message` is in bytes. `server_name` is the name on the certificate if it differs from
    the address. Raises OSError if a file of `tls` cannot be read.
    """
    options: list[tuple[str, int | str]] = [
        ("grpc.max_receive_message_length", largest_message),
        ("grpc.enable_http_proxy", 0),
        # Its own connection, which soon notices when the server is back.
        ("grpc.use_local_subchannel_pool", 1),
        ("grpc.initial_reconnect_backoff_ms", 200),
        ("grpc.max_reconnect_backoff_ms", 2_000),
        # A connection that was silently dropped on the way is closed when bytes stay
        # unacknowledged for ten seconds. Our pings are rarer than the rate servers tolerate.
        ("grpc.keepalive_time_ms", 310_000),
        ("grpc.keepalive_timeout_ms", 10_000),
    ]
    if tls is None:
        return grpc.aio.insecure_channel(address, options)
    if server_name:
        options.append(("grpc.ssl_target_name_override", server_name))
    credentials = grpc.ssl_channel_credentials(_pem(tls.ca), _pem(tls.key), _pem(tls.certificate))
    return grpc.aio.secure_channel(address, credentials, options)


def _pem(path: str) -> bytes | None:
    return Path(path).read_bytes() if path else None
