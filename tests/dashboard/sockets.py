"""Real sockets to a real server, which reads what they receive as the browser does."""

import asyncio
import gzip
import json
import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from django.contrib.auth.models import User
from django.test import AsyncClient
from websockets.asyncio.client import ClientConnection, connect
from websockets.typing import Origin

from ops.database import in_database
from opsportal.bounds import LARGEST_SOCKET_MESSAGE
from opsportal.listening import serving
from opsportal.processes import DASHBOARD
from tests.web_server import listening

WITHIN = 60  # seconds, within which everything happens unless it never does


@asynccontextmanager
async def served(port: int = 0) -> AsyncIterator[str]:
    """The dashboard as `manage.py serve` serves it, on a free port; gives host and port."""
    async with listening(serving(DASHBOARD, LARGEST_SOCKET_MESSAGE, lives=True), port) as address:
        yield address


@dataclass
class Open:
    """An open page: what its parts show, and every message so far."""

    socket: ClientConnection
    texts: dict[str, str] = field(default_factory=dict)
    numbers: dict[str, int] = field(default_factory=dict)
    messages: list[dict[str, Any]] = field(default_factory=list)
    bytes: int = 0

    async def next(self) -> dict[str, Any]:
        """Receive a message; fails if one was missed."""
        async with asyncio.timeout(WITHIN):
            data = await self.socket.recv()
        self.bytes += len(data)
        message = read(data)
        self.messages.append(message)
        part = message["part"]
        if "text" in message:
            self.texts[part] = message["text"]
        else:
            assert self.numbers[part] == message.get("base", message["number"])
            self.texts[part] = patched(self.texts[part], message.get("delta"))
        self.numbers[part] = message["number"]
        return message

    async def until(self, holds: Callable[[], Any]) -> None:
        """Receive until something holds."""
        async with asyncio.timeout(WITHIN):
            while not holds():
                await self.next()

    def shows(self, words: str, part: str = "page") -> Callable[[], bool]:
        return lambda: words in self.texts.get(part, "")


def read(data: str | bytes) -> dict[str, Any]:
    text = data if isinstance(data, str) else gzip.decompress(data)
    found: dict[str, Any] = json.loads(text)
    return found


def patched(text: str, delta: list[Any] | None) -> str:
    if delta is None:
        return text
    lines = re.findall(r"[^\n]*\n|[^\n]+", text)
    return "".join(
        piece if isinstance(piece, str) else "".join(lines[piece[0] : sum(piece)])
        for piece in delta
    )


async def session_of(name: str) -> str:
    client = AsyncClient()
    await client.aforce_login(await in_database(User.objects.get, username=name))
    return client.cookies["sessionid"].value


@asynccontextmanager
async def opened(
    host: str, page: str, session: str, *, origin: str | None = "", path: str = "/live/"
) -> AsyncIterator[Open]:
    """An open page; raises InvalidStatus if the handshake is refused."""
    async with connect(
        f"ws://{host}{path}?page={quote(page, safe='')}",
        origin=None if origin is None else Origin(origin or f"http://{host}"),
        additional_headers={"Cookie": f"sessionid={session}; zone=Europe%2FParis"},
        compression=None,
        proxy=None,
    ) as socket:
        yield Open(socket)
