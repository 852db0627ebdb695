"""The foreign errors that only their text tells apart, in one place.

All other errors are told apart by class, code, errno or SQLSTATE. If a new release words one of
these differently, the error gets a general sentence instead of advice, and a test fails, because
tests/backends/test_error_texts.py and tests/live/test_refusals.py make gRPC and Jaeger raise them.
"""

import re
from enum import Enum, auto

# Jaeger before 2.21 refuses bad input under the status UNKNOWN, as it does any failure. A server
# with memory storage sends the first two; the others are those of Cassandra and Elasticsearch, from
# Jaeger's sources.
REFUSED_BY_JAEGER = (
    "malform trace ID",
    "search depth must be",
    "service name must be set",
    "cannot query for duration and tags",
    "inimum is above",
    "tart and End Time must be set",
)


class NotConnected(Enum):
    """Why gRPC has no connection."""

    SPEAKS_HTTP = auto()
    NO_TLS = auto()
    UNTRUSTED = auto()
    OTHER_NAME = auto()
    NO_GRPC = auto()
    REFUSED = auto()
    NO_SUCH_NAME = auto()
    CLOSED = auto()


# gRPC reports all of them as UNAVAILABLE: the channel connects in C, and of the error found
# there only a text reaches Python. The first match counts.
_CONNECTING = (
    ("http1.x server", NotConnected.SPEAKS_HTTP),
    ("WRONG_VERSION_NUMBER", NotConnected.NO_TLS),
    ("CERTIFICATE_VERIFY_FAILED", NotConnected.UNTRUSTED),
    ("Hostname Verification", NotConnected.OTHER_NAME),
    ("missing selected ALPN", NotConnected.NO_GRPC),
    ("Connection refused", NotConnected.REFUSED),
    ("errors resolving", NotConnected.NO_SUCH_NAME),
    ("lookup failed", NotConnected.NO_SUCH_NAME),
)
_CLOSED = ("Socket closed", "Connection reset", "Endpoint closing", "GOAWAY")
_LAST_ERROR = re.compile(r"last error: \w+: (?:ipv[46]:)?\S+?:\d+: (.*)", re.DOTALL)
# RESOURCE_EXHAUSTED is also what an overloaded server answers.
_TOO_LARGE = re.compile(r"larger than max(?: \(([0-9]{1,18}) vs)?")
# INTERNAL and UNKNOWN are what servers answer to a message that they cannot read, and what gRPC
# itself reports about a connection or a proxy that breaks off.
_BROKEN_CALL = ("RST_STREAM", "http2 header", "GOAWAY", "Stream removed", "No status received")


# Mimir, Cortex, Loki and Tempo (dskit's user package), under 400 or 401.
_NO_TENANT = b"no org id"


def lacks_tenant(body: bytes) -> bool:
    """Return whether a server with several tenants refused a call that names none."""
    return _NO_TENANT in body[:200]


def not_connected(details: str) -> NotConnected | None:
    """Return why a call under UNAVAILABLE found no connection, None if its text is unknown."""
    for needle, why in _CONNECTING:
        if needle in details:
            return why
    is_closed = "connect" in details and any(needle in details for needle in _CLOSED)
    return NotConnected.CLOSED if is_closed else None


def last_reason(details: str) -> str:
    """Return what the system said, without the addresses that gRPC tried."""
    last = _LAST_ERROR.search(details)
    return last[1] if last else details


def too_large_size(details: str) -> int | None:
    """Return the size of a message above our limit, 0 if unknown; None for any other reason."""
    found = _TOO_LARGE.search(details)
    return int(found[1] or 0) if found else None


def is_broken_call(details: str) -> bool:
    """Return whether gRPC itself ended a call, rather than the server's code."""
    return any(needle in details for needle in _BROKEN_CALL)
