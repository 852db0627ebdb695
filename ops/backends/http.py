"""An HTTP client that limits the size of answers.

The client has no queue of its own: ops.backends.calls limits how many calls run at a time, so a
cancelled call leaves nothing behind that another one would wait for.

After a failure new calls use a new session, because connections that are open may lead nowhere,
while calls under way finish on the old one:

    session 1   ├── call ──┤ ├──── call ────────┤ closed with its last call
                         renew()
    session 2                  ├── call ──┤ ├── call ...
"""

import asyncio
import re
import ssl
import zlib
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass

import aiohttp

_SENDABLE = re.compile(r"[\t\x20-\x7e\x80-\xff]*")
_STEP = 1024 * 1024  # bytes decompressed at a time: some 3 ms of work
_ANY_FORMAT = zlib.MAX_WBITS | 32  # gzip or zlib, detected from the first bytes


class InvalidHeader(Exception):
    """A header has a character that HTTP forbids; nothing was sent."""


class TooLarge(Exception):
    """The answer is larger than allowed; the part that was received is dropped."""


class BadCompression(Exception):
    """The answer's compression was not requested, or is invalid."""


@dataclass(frozen=True, slots=True)
class HttpAnswer:
    """A server's answer, with its body decompressed."""

    status: int
    reason: str
    headers: Mapping[str, str]
    body: bytes


class HttpClient:
    """The connections to one server, of one event loop.

    `headers` are sent with every request. `ca` is a PEM file, "" for the system's roots; it
    applies if the server uses TLS (`secure`). `largest` is the maximum size of an answer in
    bytes, decompressed. Environment variables such as proxies are ignored.
    """

    def __init__(self, headers: Mapping[str, str], *, secure: bool, ca: str, largest: int) -> None:
        self._headers = headers
        self._secure = secure
        self._ca = ca
        self._largest = largest
        self._session: aiohttp.ClientSession | None = None
        self._users: Counter[aiohttp.ClientSession] = Counter()

    async def request(
        self,
        method: str,
        url: str,
        *,
        params: Mapping[str, str] | None = None,
        data: Mapping[str, str] | None = None,
        json: object = None,
    ) -> HttpAnswer:
        """Send a request and return the answer, even a redirect; the caller sets the deadline.

        `data` is sent as a form, `json` as JSON.

        Raises InvalidHeader, TooLarge, BadCompression, OSError, or an exception of aiohttp.
        """
        async with (
            self._using() as session,
            session.request(
                method, url, params=params, data=data, json=json, allow_redirects=False
            ) as response,
        ):
            body = bytearray()
            async for piece in _decompressed(response):
                body += piece
                if len(body) > self._largest:
                    # The rest may be endless, so the connection cannot be reused.
                    response.close()
                    raise TooLarge
            return HttpAnswer(response.status, response.reason or "", response.headers, bytes(body))

    def renew(self) -> None:
        """Use new connections from now on, because the current ones may be dead; calls go on."""
        retired, self._session = self._session, None
        if retired is not None and not self._users[retired]:
            del self._users[retired]
            _closing.add(task := asyncio.create_task(retired.close()))
            task.add_done_callback(_closing.discard)

    async def close(self) -> None:
        """Close all connections; a later call opens new ones."""
        # Those with calls, and the current one, which may have none.
        sessions = {*self._users, *([self._session] if self._session else [])}
        self._session = None
        self._users.clear()
        await asyncio.gather(*(session.close() for session in sessions), *_closing)

    @asynccontextmanager
    async def _using(self) -> AsyncIterator[aiohttp.ClientSession]:
        if self._session is None:
            self._session = self._open()
        session = self._session
        self._users[session] += 1
        try:
            yield session
        finally:
            self._users[session] -= 1
            if session is not self._session and not self._users[session]:
                del self._users[session]
                await session.close()

    def _open(self) -> aiohttp.ClientSession:
        # aiohttp would name the header and its value in its error.
        if not all(_SENDABLE.fullmatch(value) for value in self._headers.values()):
            raise InvalidHeader
        trusted = ssl.create_default_context(cafile=self._ca or None) if self._secure else False
        return aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(ssl=trusted, limit=0),  # see Calls.at_once
            headers={"Accept-Encoding": "gzip, deflate", **self._headers},
            auto_decompress=False,  # see _decompressed: a small piece may become a huge one
            cookie_jar=aiohttp.DummyCookieJar(),  # a login page's cookie is no credential
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=None),  # the caller's deadline
        )


_closing: set[asyncio.Task[None]] = set()


async def _decompressed(response: aiohttp.ClientResponse) -> AsyncIterator[bytes]:
    """Yield the body in pieces, none of them large, whatever the compression ratio."""
    packing = response.headers.get("Content-Encoding", "identity").strip().lower()
    if packing in ("identity", ""):
        async for piece in response.content.iter_any():
            yield piece
        return
    if packing not in ("gzip", "x-gzip", "deflate"):
        raise BadCompression(f"compressed as {packing[:40]}")
    unpacking = zlib.decompressobj(_ANY_FORMAT)
    begun = False
    async for packed in response.content.iter_any():
        rest, full, begun = packed, False, True
        while rest or full:
            if unpacking.eof:  # several compressed streams may follow each other
                unpacking = zlib.decompressobj(_ANY_FORMAT)
            try:
                piece = unpacking.decompress(rest, _STEP)
            except zlib.error as error:
                raise BadCompression(f"labelled as {packing}, which it is not") from error
            rest = unpacking.unconsumed_tail or unpacking.unused_data
            full = len(piece) == _STEP and not unpacking.eof
            yield piece
            await asyncio.sleep(0)  # no I/O happens between two pieces of the same packet
    if begun and not unpacking.eof:
        raise BadCompression(f"compressed as {packing} and cut short")
