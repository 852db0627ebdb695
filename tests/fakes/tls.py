"""One certificate for 127.0.0.1 and petstore.example.com, valid to 2120, and its authority.

They are worthless outside the tests: the authority's own key was thrown away.
"""

import ssl
from pathlib import Path

import grpc

_DIRECTORY = Path(__file__).parent / "certificates"
CA = str(_DIRECTORY / "ca.pem")
CERTIFICATE = str(_DIRECTORY / "server.pem")
KEY = str(_DIRECTORY / "server.key")
SERVER_NAME = "petstore.example.com"


def https() -> ssl.SSLContext:
    """Return what an HTTPS server needs."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(CERTIFICATE, KEY)
    return context


def grpcs(*, ask_for_certificate: bool = False) -> grpc.ServerCredentials:
    """Return what a gRPC server needs; it can require a client certificate."""
    pair = (Path(KEY).read_bytes(), Path(CERTIFICATE).read_bytes())
    roots = Path(CA).read_bytes() if ask_for_certificate else None
    return grpc.ssl_server_credentials([pair], roots, ask_for_certificate)
