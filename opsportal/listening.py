"""Listening for HTTP: how each web server of a process is set up, runs and stops."""

import asyncio
import contextlib
import socket
from collections.abc import Iterator
from typing import Any

import uvicorn
from django.core.management.base import CommandError

from opsportal.bounds import LARGEST_HEADERS, LARGEST_TARGET, Connection

GRACE = 5


def serving(application: Any, largest_message: int = 0, *, lives: bool = False) -> uvicorn.Config:
    """Return how a web server of ours serves an application.

    `largest_message` is what a WebSocket may send at once; there are none if it is 0. `lives`
    means that the application is to know when the server starts and ends.
    """
    return uvicorn.Config(
        application,
        http=Connection,
        h11_max_incomplete_event_size=LARGEST_TARGET + LARGEST_HEADERS,
        ws="websockets-sansio" if largest_message else "none",
        ws_max_size=largest_message,
        ws_per_message_deflate=False,  # what is large is compressed once for all sockets
        log_config=None,
        access_log=False,
        lifespan="auto" if lives else "off",
        proxy_headers=False,
        server_header=False,
        timeout_graceful_shutdown=GRACE,
    )


async def serve_http(
    config: uvicorn.Config, address: str, setting: str, stop: asyncio.Event
) -> None:
    """Serve on an address until `stop` is set; raises CommandError if it is taken."""
    listening = listen(address, setting)
    server = _Server(config)
    running = asyncio.ensure_future(server.serve(sockets=[listening]))
    stopping = asyncio.ensure_future(stop.wait())
    try:
        await asyncio.wait((running, stopping), return_when=asyncio.FIRST_COMPLETED)
        server.should_exit = True
        await running
        if not stop.is_set():
            raise CommandError(f"the web server on {address} stopped unexpectedly; see the log")
    finally:
        stopping.cancel()
        running.cancel()
        await asyncio.wait((running,))
        listening.close()


def listen(address: str, setting: str) -> socket.socket:
    """Bind an address; raises CommandError, with the setting that names it, if it is taken."""
    host, _, port = address.rpartition(":")
    host = host.strip("[]")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((host, int(port)))
    except OSError as error:
        listening.close()
        raise CommandError(
            f"cannot listen on {address}: {error.strerror}; choose another with {setting}"
        ) from None
    return listening


class _Server(uvicorn.Server):
    """Leaves signals to `run`, the one place that handles them."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield
