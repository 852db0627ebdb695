"""The parts of open pages that change, each rendered once for everybody who sees the same.

A page has a part of its own, if it is live, and the badge. Browsers share a part if they show the
same address to people with the same permissions and time zone. Whoever joins gets the part whole,
and then what changes in it:

    notice ──> render, about once a second ──> compare ──> delta ──> every socket
                        │
                        └── nothing new, or no notice: a beat with the time of the rendering
"""

import asyncio
import json
import logging
import time
from collections import deque
from collections.abc import Awaitable, Callable, Hashable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Protocol

from ops.metrics import live_parts
from ops.vocabulary import timerange
from ops.watch import notices
from ops.watch.notices import Notice
from ops.watch.picture import pictures
from opsportal.dashboard.live.deltas import delta, packed
from opsportal.dashboard.live.viewers import Viewer

MOST = 300  # parts of a process; each can cost a rendering a second
BEAT = 5.0  # seconds; browsers doubt the connection after three of them
PAUSE = 1.0  # seconds between two renderings of a part on average; two may follow each other
SLICE = 50  # sockets that are woken without a pause for others
log = logging.getLogger(__name__)


class Gone(Exception):
    """The part is no longer for this viewer."""


class Socket(Protocol):
    """An open page of a viewer."""

    viewer: Viewer

    @property
    def first(self) -> "Part":
        """The part that it gets beats from."""

    def wake(self) -> None:
        """Send what is new."""

    def end(self) -> None:
        """Close it; the browser connects again and is checked anew."""


@dataclass(frozen=True, slots=True)
class Kind:
    """What makes a part: its name on the page, site, subjects, and how to render it.

    It is rendered again after `every` seconds without a notice. `render` raises Gone, and returns
    None if it cannot be rendered at present: what is shown then gets old.
    """

    name: str
    site: str
    subjects: frozenset[str]
    every: float
    render: Callable[[Viewer], Awaitable[str | None]] = field(compare=False)


class Part:
    """A part, as long as there are sockets for it. `number` counts its versions from 1."""

    def __init__(self, kind: Kind) -> None:
        self.kind = kind
        self.number = 0
        self.sockets: set[Socket] = set()
        self._text = ""
        self._at = 0
        self._delta = b""
        self._whole = b""
        self._news = asyncio.Event()
        self._news.set()
        self._rendered = deque([-PAUSE * 2] * 2, maxlen=2)
        self._running = asyncio.create_task(self._run())

    def hear(self, notice: Notice) -> None:
        """Render again if the notice is about this part."""
        subjects = self.kind.subjects
        if notice.site in ("", self.kind.site) and (
            not notice.subject or notice.subject in subjects
        ):
            self._news.set()

    def since(self, number: int) -> bytes | str:
        """Return the message for a browser that has a version, 0 for none."""
        if number == self.number:
            return json.dumps({**self._head(), "now": _now()})
        if number and number == self.number - 1:
            return self._delta
        if not self._whole:
            self._whole = packed({**self._head(), "text": self._text})
        return self._whole

    def close(self) -> None:
        """Stop rendering."""
        self._running.cancel()

    def _head(self) -> dict[str, object]:
        return {"part": self.kind.name, "number": self.number, "at": self._at}

    async def _run(self) -> None:
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(BEAT):
                    await self._news.wait()
            changed = False
            if self._news.is_set() or time.monotonic() - self._rendered[-1] >= self.kind.every:
                self._news.clear()
                self._rendered.append(time.monotonic())
                changed = await self._renew()
            await self._tell(changed)
            await asyncio.sleep(max(self._rendered[0] + 2 * PAUSE - time.monotonic(), 0))

    async def _renew(self) -> bool:
        """Render; returns whether something has changed."""
        at = self._seen()
        text = await self._render()
        if text is None:
            return False
        old, self._at = self._text, at
        if text == old and self.number:
            return False
        head = {**self._head(), "number": self.number + 1, "base": self.number, "now": _now()}
        change = await asyncio.to_thread(_change, head, old, text)
        self._text, self._whole, self._delta = text, b"", change
        self.number += 1
        return True

    def _seen(self) -> int:
        """Return when what is rendered now was seen, in milliseconds: it may be a picture."""
        pictured = (pictures.seen_at(self.kind.site, each) for each in self.kind.subjects)
        return min([_now(), *(at // timerange.MILLISECOND for at in pictured if at)])

    async def _render(self) -> str | None:
        while self.sockets:
            socket = next(iter(self.sockets))
            try:
                return await self.kind.render(socket.viewer)
            except Gone:
                self.sockets.discard(socket)
                socket.end()
            except Exception:
                log.exception("an open page could not be rendered again")
                return None
        return None

    async def _tell(self, changed: bool) -> None:
        if not self.number:
            return
        waiting = [each for each in self.sockets if changed or each.first is self]
        for start in range(0, len(waiting), SLICE):
            for socket in waiting[start : start + SLICE]:
                socket.wake()
            await asyncio.sleep(0)


def _now() -> int:
    return timerange.now_ns() // timerange.MILLISECOND


def _change(head: dict[str, object], old: str, new: str) -> bytes:
    return packed({**head, "delta": delta(old, new)})


class Parts:
    """The parts of this process, and its ear for notices while there are any."""

    def __init__(self) -> None:
        self._parts: dict[Hashable, Part] = {}
        self._hearing: asyncio.Task[None] | None = None

    def join(self, key: Hashable, kind: Kind, socket: Socket) -> Part | None:
        """Let a socket take part; None if there are too many parts."""
        part = self._parts.get(key)
        if part is None:
            if len(self._parts) >= MOST:
                return None
            part = self._parts[key] = Part(kind)
            live_parts.inc()
        if self._hearing is None:
            self._hearing = asyncio.create_task(notices.listen(self._hear))
        part.sockets.add(socket)
        return part

    def leave(self, key: Hashable, socket: Socket) -> None:
        """End a socket's taking part; a part without sockets is forgotten."""
        part = self._parts.get(key)
        if part is None:
            return
        part.sockets.discard(socket)
        if not part.sockets:
            del self._parts[key]
            part.close()
            live_parts.dec()
        if not self._parts and self._hearing:
            self._hearing.cancel()
            self._hearing = None

    def _hear(self, notice: Notice) -> None:
        for part in self._parts.values():
            part.hear(notice)
