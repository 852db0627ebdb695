"""The sockets of open pages: one for each page, which only listens.

    handshake ──> our own page? logged in? permitted? not too many? ──(no)──> 403, nothing is kept
        │
    join the page's parts ──> each part whole, then what changes in it

Every two seconds, one query finds out which sessions have ended and whose rights have changed;
their sockets are closed. What a browser does then is in static/dashboard/live/.
"""

import asyncio
import logging
from collections import Counter
from collections.abc import Awaitable, Callable, Hashable, Mapping
from typing import Any
from urllib.parse import unquote
from weakref import WeakKeyDictionary

from ops.actor import new_request_id
from ops.errors import OpsError
from ops.metrics import live_sockets
from opsportal.dashboard.live.parts import Part, Parts
from opsportal.dashboard.live.shown import shown
from opsportal.dashboard.live.viewers import Viewer, headers_of, identify, is_ours, still_here

PATH = "/live/"
MOST = 2_000  # of a process
MOST_OF_A_USER = 20
MOST_OPENING = 500  # handshakes at once
CHECK = 2.0  # seconds
CONNECT_AGAIN = 4000  # a close code: the next handshake says whether the page may be seen
Message = Mapping[str, Any]
log = logging.getLogger(__name__)


async def serve(
    scope: Message,
    receive: Callable[[], Awaitable[Message]],
    send: Callable[[Message], Awaitable[None]],
) -> None:
    """Serve one socket, an ASGI connection of type "websocket"."""
    await receive()
    new_request_id()
    sockets = _sockets()
    socket = await sockets.open(scope)
    if socket is None:
        await send({"type": "websocket.close"})
        return
    leaving = asyncio.ensure_future(receive())  # whether it sends something or goes away
    leaving.add_done_callback(lambda _: socket.end())
    try:
        await send({"type": "websocket.accept"})
        await socket.feed(send)
        await send({"type": "websocket.close", "code": CONNECT_AGAIN})
    finally:
        sockets.close(socket)
        leaving.cancel()


class _Socket:
    """An open page: sends what its parts have new, the newest only if the browser is slow."""

    def __init__(self, viewer: Viewer) -> None:
        self.viewer = viewer
        self._known: dict[Part, int] = {}
        self._keys: list[Hashable] = []
        self._news = asyncio.Event()
        self._ended = False

    @property
    def first(self) -> Part:
        return next(iter(self._known))

    def wake(self) -> None:
        self._news.set()

    def end(self) -> None:
        self._ended = True
        self._news.set()

    def join(self, parts: Parts, wanted: list[tuple[Hashable, Any]]) -> bool:
        """Take part in everything wanted; False if there is too much."""
        for key, kind in wanted:
            part = parts.join(key, kind, self)
            if part is None:
                return False
            self._known[part] = 0
            self._keys.append(key)
        return True

    def leave(self, parts: Parts) -> None:
        for key in self._keys:
            parts.leave(key, self)

    async def feed(self, send: Callable[[Message], Awaitable[None]]) -> None:
        """Send until the socket ends."""
        while not self._ended:
            self._news.clear()
            told = False
            for part, number in self._known.items():
                if part.number != number:
                    told = True
                    await self._send(part, number, send)
            if not told and self.first.number:
                await self._send(self.first, self._known[self.first], send)
            await self._news.wait()

    async def _send(
        self, part: Part, number: int, send: Callable[[Message], Awaitable[None]]
    ) -> None:
        message, self._known[part] = part.since(number), part.number
        kind = "bytes" if isinstance(message, bytes) else "text"
        await send({"type": "websocket.send", kind: message})


class _Sockets:
    """The open sockets of this process."""

    def __init__(self) -> None:
        self._open: set[_Socket] = set()
        self._opening = 0
        self._of_users: Counter[int] = Counter()
        self._parts = Parts()
        self._checking: asyncio.Task[None] | None = None

    async def open(self, scope: Message) -> _Socket | None:
        """Return a socket for a handshake, None to refuse it."""
        headers = headers_of(scope)
        full = len(self._open) + self._opening >= MOST or self._opening >= MOST_OPENING
        if scope["path"] != PATH or not is_ours(headers) or full:
            return None
        self._opening += 1
        try:
            return await self._admitted(scope, headers)
        except OpsError as error:
            log.info("a socket was refused: %s", error)
            return None
        finally:
            self._opening -= 1

    async def _admitted(self, scope: Message, headers: Mapping[str, str]) -> _Socket | None:
        address = unquote(scope["query_string"].decode("latin-1").removeprefix("page="))
        viewer = await identify(headers, str((scope["client"] or ("",))[0]))
        if viewer is None:
            return None
        wanted = await shown(viewer, address)
        if self._of_users[viewer.user.pk] >= MOST_OF_A_USER:
            return None
        socket = _Socket(viewer)
        if not socket.join(self._parts, wanted):
            socket.leave(self._parts)
            return None
        self._open.add(socket)
        self._of_users[viewer.user.pk] += 1
        live_sockets.inc()
        if self._checking is None:
            self._checking = asyncio.create_task(self._check())
        return socket

    def close(self, socket: _Socket) -> None:
        """Forget a socket."""
        socket.leave(self._parts)
        self._open.discard(socket)
        self._of_users -= Counter([socket.viewer.user.pk])
        live_sockets.dec()
        if not self._open and self._checking:
            self._checking.cancel()
            self._checking = None

    async def _check(self) -> None:
        """End the sockets of those who are no longer logged in or whose rights have changed."""
        while True:
            await asyncio.sleep(CHECK)
            viewers = {each.viewer for each in self._open}
            try:
                valid = await still_here(viewers)
            except Exception:
                # Rights that cannot be read for five seconds let nothing be rendered either.
                log.exception("open pages could not be checked")
                continue
            for socket in self._open:
                if socket.viewer in viewers and socket.viewer not in valid:
                    socket.end()


_of_loops: WeakKeyDictionary[asyncio.AbstractEventLoop, _Sockets] = WeakKeyDictionary()


def _sockets() -> _Sockets:
    return _of_loops.setdefault(asyncio.get_running_loop(), _Sockets())
