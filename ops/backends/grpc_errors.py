"""gRPC's errors as sentences that say what to check."""

from collections.abc import Iterator
from contextlib import contextmanager

import grpc
import grpc.aio
from google.protobuf.message import DecodeError
from grpc import StatusCode

from ops.backends.error_texts import (
    NotConnected,
    last_reason,
    not_connected,
    too_large_size,
)
from ops.backends.grpc_channels import Peer
from ops.errors import BackendTimeout, BackendUnavailable, InvalidInput, NotFound, OpsError


@contextmanager
def translated(peer: Peer, refusals: tuple[str, ...] = ()) -> Iterator[None]:
    """Turn every gRPC exception into an OpsError whose sentence says what to check.

    `refusals` are messages with which this server refuses bad input under the status UNKNOWN.
    """
    try:
        yield
    except grpc.aio.AioRpcError as error:
        code, details = error.code(), error.details() or ""
        # A refusal of bad input, which the user can correct, is no failure of the backend.
        if code is StatusCode.UNKNOWN and any(text in details for text in refusals):
            code = StatusCode.INVALID_ARGUMENT
        raise sentence(peer, code, details) from error
    except (grpc.RpcError, grpc.aio.BaseError) as error:
        # The channel was closed under the call, for example on shutdown.
        words = f"{peer.place}: the call was lost; try again"
        raise BackendUnavailable(words, backend=peer.name) from error
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
    if code is StatusCode.RESOURCE_EXHAUSTED and (size := too_large_size(details)) is not None:
        # Decompression stops at the limit, so the size of a compressed message is unknown.
        mebibytes = f"{size / 1024**2:.0f} MiB" if size else "too much"
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


_FAILS = "{peer.place} failed: {details}; check its log"
_REFUSES = "{peer.place} refused the request: {details}"
_REFUSES_NOW = f"{_REFUSES}; check its log"
_MEANINGS = {
    StatusCode.OK: "{peer.place} reported success but sent an incomplete answer; check its log",
    StatusCode.CANCELLED: "{peer.place} cancelled the call: {details}; check its log",
    StatusCode.UNKNOWN: _FAILS,
    StatusCode.INVALID_ARGUMENT: _REFUSES,
    StatusCode.DEADLINE_EXCEEDED: (
        "{peer.place} did not answer in time; check that it is running, not overloaded and "
        "reachable from here"
    ),
    StatusCode.NOT_FOUND: "{peer.place} found nothing: {details}",
    StatusCode.ALREADY_EXISTS: _REFUSES_NOW,
    StatusCode.PERMISSION_DENIED: (
        "{peer.place} does not permit this: {details}; check headers in {peer.table}"
    ),
    StatusCode.RESOURCE_EXHAUSTED: "{peer.place} is overloaded: {details}; check its load",
    StatusCode.FAILED_PRECONDITION: _REFUSES_NOW,
    StatusCode.ABORTED: _FAILS,
    StatusCode.OUT_OF_RANGE: _REFUSES,
    StatusCode.UNIMPLEMENTED: (
        "{peer.place} speaks gRPC but does not offer this service ({details}); the address must "
        "be {peer.port}"
    ),
    StatusCode.INTERNAL: _FAILS,
    StatusCode.DATA_LOSS: _FAILS,
    StatusCode.UNAUTHENTICATED: (
        "{peer.place} requires credentials: {details}; set them as headers in {peer.table}"
    ),
}

_NOT_CONNECTED = {
    NotConnected.SPEAKS_HTTP: "answers in HTTP, not gRPC; the address must be {peer.port}",
    NotConnected.NO_TLS: "does not speak TLS; remove tls from {peer.table}",
    NotConnected.UNTRUSTED: (
        "has a certificate that is not trusted; set tls.ca in {peer.table} to its CA"
    ),
    NotConnected.OTHER_NAME: (
        "has a certificate for another name; use the name on the certificate, or replace it"
    ),
    NotConnected.NO_GRPC: "speaks TLS but not gRPC; the address must be {peer.port}",
    NotConnected.REFUSED: (
        "refused the connection; check that it is running and that this is {peer.port}"
    ),
    NotConnected.NO_SUCH_NAME: (
        "cannot be found: its host name does not resolve; check the address in {peer.table}"
    ),
    NotConnected.CLOSED: (
        "accepts connections but closes them immediately; if it uses TLS, set tls = true in "
        "{peer.table}, otherwise check that the address is {peer.port}"
    ),
}
_CLOSED_OVER_TLS = (
    "accepts TLS connections but closes them immediately; if it requires a client certificate, "
    "set tls.certificate and tls.key in {peer.table}"
)


def _unreachable(peer: Peer, details: str) -> str:
    if (why := not_connected(details)) is not None:
        return f"{peer.place} {not_connected_words(peer, why)}"
    reason = last_reason(details)
    return f"{peer.place} cannot be reached: {reason}; check the address in {peer.table}"


def not_connected_words(peer: Peer, why: NotConnected) -> str:
    """Return what a sentence that begins with the peer's place says about no connection."""
    closed_over_tls = why is NotConnected.CLOSED and peer.tls
    words = _CLOSED_OVER_TLS if closed_over_tls else _NOT_CONNECTED[why]
    return words.format(peer=peer)
