"""gRPC channels to backends, and gRPC errors as sentences."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import grpc
import grpc.aio
from google.protobuf.message import DecodeError
from grpc import StatusCode

from ops.errors import (
    BackendTimeout,
    BackendUnavailable,
    InvalidInput,
    NotFound,
    OpsError,
)
from ops.sites import Tls

SMALLEST_MESSAGE = 4 * 1024 * 1024
_TOO_LARGE = re.compile(r"larger than max(?: \((\d+) vs)?")
_LAST_ERROR = re.compile(r"last error: \w+: (?:ipv[46]:)?\S+?:\d+: (.*)", re.DOTALL)


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


@contextmanager
def translated(peer: Peer, refusals: tuple[str, ...] = ()) -> Iterator[None]:
    """Turn every gRPC exception into an OpsError whose sentence says what to check.

    `refusals` are messages with which this server refuses bad input under the status UNKNOWN.
    """
    try:
        yield
    except grpc.aio.AioRpcError as error:
        code, details = error.code(), error.details() or ""
        if code is StatusCode.UNKNOWN and any(text in details for text in refusals):
            code = StatusCode.INVALID_ARGUMENT
        raise sentence(peer, code, details) from error
    except (grpc.RpcError, grpc.aio.BaseError) as error:
        raise BackendUnavailable(f"{peer.place}: the call was lost", backend=peer.name) from error
    except DecodeError as error:
        raise BackendUnavailable(
            f"{peer.place} sent something that its protocol does not allow; the address must be "
            f"{peer.port}",
            backend=peer.name,
            answered=True,
        ) from error
    except OSError as error:
        raise BackendUnavailable(
            f"{peer.place} cannot be called: {error}; check tls in {peer.table}",
            backend=peer.name,
        ) from error


def sentence(peer: Peer, code: StatusCode, details: str) -> OpsError:
    """Return the error for a status and its details."""
    if code is StatusCode.UNAVAILABLE:
        return BackendUnavailable(_unreachable(peer, details), backend=peer.name)
    if code is StatusCode.RESOURCE_EXHAUSTED and (size := _TOO_LARGE.search(details)):
        # Decompression stops at the limit, so the size of a compressed message is unknown.
        mebibytes = f"{int(size[1]) / 1024**2:.0f} MiB" if size[1] else "too much"
        return too_large(peer, f"{mebibytes} in one message")
    words = _MEANINGS[code].format(peer=peer, details=details or code.name)
    if code is StatusCode.DEADLINE_EXCEEDED:
        return BackendTimeout(words, backend=peer.name)
    if code is StatusCode.NOT_FOUND:
        return NotFound(words)
    if code in (StatusCode.INVALID_ARGUMENT, StatusCode.OUT_OF_RANGE):
        return InvalidInput(words)
    return BackendUnavailable(words, backend=peer.name, answered=True)


def too_large(peer: Peer, what: str) -> BackendUnavailable:
    """Return the error for an answer that is larger than the site file allows."""
    return BackendUnavailable(
        f"{peer.place} answered with {what}, more than the limit; raise largest_message_mib in "
        f"{peer.table}",
        backend=peer.name,
        answered=True,
    )


_FAILS = "{peer.place} failed: {details}"
_REFUSES = "{peer.place} refused the request: {details}"
_MEANINGS = {
    StatusCode.OK: "{peer.place} reported success but sent an incomplete answer",
    StatusCode.CANCELLED: "{peer.place} cancelled the call: {details}",
    StatusCode.UNKNOWN: _FAILS,
    StatusCode.INVALID_ARGUMENT: _REFUSES,
    StatusCode.DEADLINE_EXCEEDED: (
        "{peer.place} did not answer in time; check that it is running, not overloaded and "
        "reachable from here"
    ),
    StatusCode.NOT_FOUND: "{peer.place} found nothing: {details}",
    StatusCode.ALREADY_EXISTS: _REFUSES,
    StatusCode.PERMISSION_DENIED: (
        "{peer.place} does not permit this: {details}; check headers in {peer.table}"
    ),
    StatusCode.RESOURCE_EXHAUSTED: "{peer.place} is overloaded: {details}",
    StatusCode.FAILED_PRECONDITION: _REFUSES,
    StatusCode.ABORTED: _FAILS,
    StatusCode.OUT_OF_RANGE: _REFUSES,
    StatusCode.UNIMPLEMENTED: (
        "{peer.place} speaks gRPC but does not offer this service ({details}); the address must "
        "be {peer.port}"
    ),
    StatusCode.INTERNAL: _FAILS,
    StatusCode.UNAVAILABLE: "{peer.place} cannot be reached: {details}",
    StatusCode.DATA_LOSS: _FAILS,
    StatusCode.UNAUTHENTICATED: (
        "{peer.place} requires credentials: {details}; set them as headers in {peer.table}"
    ),
}

# Messages of gRPC core while it connects, and what they mean; the first match counts.
_CONNECTING = (
    ("http1.x server", "answers in HTTP, not gRPC; the address must be {peer.port}"),
    ("WRONG_VERSION_NUMBER", "does not speak TLS; remove tls from {peer.table}"),
    (
        "CERTIFICATE_VERIFY_FAILED",
        "has a certificate that is not trusted; set tls.ca in {peer.table} to its CA",
    ),
    (
        "Hostname Verification",
        "has a certificate for another name; use the name on the certificate, or replace it",
    ),
    (
        "missing selected ALPN",
        "speaks TLS but not gRPC; the address must be {peer.port}",
    ),
    (
        "Connection refused",
        "refused the connection; check that it is running and that this is {peer.port}",
    ),
    ("errors resolving", "cannot be found: its host name does not resolve"),
    ("lookup failed", "cannot be found: its host name does not resolve"),
)
_CLOSES = {
    False: (
        "accepts connections but closes them immediately; if it uses TLS, set tls = true in "
        "{peer.table}, otherwise check that the address is {peer.port}"
    ),
    True: (
        "accepts TLS connections but closes them immediately; if it requires a client "
        "certificate, set tls.certificate and tls.key in {peer.table}"
    ),
}
_CLOSED = ("Socket closed", "Connection reset", "Endpoint closing", "GOAWAY")


def _unreachable(peer: Peer, details: str) -> str:
    for needle, words in _CONNECTING:
        if needle in details:
            return f"{peer.place} {words.format(peer=peer)}"
    if "connect" in details and any(needle in details for needle in _CLOSED):
        return f"{peer.place} {_CLOSES[peer.tls].format(peer=peer)}"
    last = _LAST_ERROR.search(details)
    return f"{peer.place} cannot be reached: {last[1] if last else details}"
