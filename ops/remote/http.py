"""The machines' door over HTTP, an ASGI application without Django.

    GET  /sampling, /api/sampling, /api/sampling/sampling   Jaeger's remote sampling
    GET  /strategies.json                                   the same for Jaeger and collectors
    POST /v1/opamp, and a WebSocket there                   OpAMP
    GET  /healthz

All but the last also under /sites/NAME/. Everything is answered from memory.
"""

import asyncio
import zlib
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

from google.protobuf.message import DecodeError

from ops import metrics
from ops.remote.agents import Peer
from ops.remote.keys import Refused
from ops.remote.site import RemoteSite
from proto.opamp.opamp_pb2 import AgentToServer

LARGEST_BODY = 1024 * 1024  # as sent, and unpacked
LONGEST_QUERY = 2048
BODY_SECONDS = 10.0
RETRY_AFTER = b"5"  # seconds, while this process stops
PROTOBUF = b"application/x-protobuf"  # exactly so, because Node's client compares the text
JSON = b"application/json"
TEXT = b"text/plain; charset=utf-8"
SAMPLING = ("/sampling", "/api/sampling", "/api/sampling/sampling")
STRATEGIES, OPAMP, HEALTH = "/strategies.json", "/v1/opamp", "/healthz"

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Socket = Callable[[RemoteSite, Peer, Receive, Send], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    body: bytes = b""
    content_type: bytes = TEXT
    headers: tuple[tuple[bytes, bytes], ...] = ()


@dataclass(slots=True)
class RemoteHttp:
    """The application on one address, which belongs to the site `here`.

    `socket` serves a WebSocket of an agent.
    """

    address: str
    here: RemoteSite
    sites: Mapping[str, RemoteSite]
    now: Callable[[], int]
    socket: Socket
    stopping: asyncio.Event

    async def __call__(self, scope: Any, receive: Receive, send: Send) -> None:
        """Serve a request or a WebSocket."""
        try:
            answer = await self._answer(scope, receive, send)
        except Refused as refused:
            more = ((b"www-authenticate", b"Bearer"),) if refused.status == 401 else ()
            answer = Answer(refused.status, f"{refused}\n".encode(), headers=more)
        if answer is None:
            return
        metrics.requests.labels("remote", str(answer.status)).inc()
        headers = [(b"content-type", answer.content_type), *answer.headers]
        if answer.status != 304:
            headers.append((b"content-length", b"%d" % len(answer.body)))
        head = {"status": answer.status, "headers": headers}
        kind = "http" if scope["type"] == "http" else "websocket.http"
        await send({"type": f"{kind}.response.start", **head})
        await send({"type": f"{kind}.response.body", "body": answer.body})

    async def _answer(self, scope: Any, receive: Receive, send: Send) -> Answer | None:
        """Return the answer; None if it was a WebSocket that is over."""
        path = scope["path"]
        if path == HEALTH:
            return Answer(200, b"ok\n")
        site, path = self._site(path)
        headers = _headers(scope)
        keyed = site.keys.admit(headers, self.address)
        address = (scope.get("client") or ("",))[0]
        peer = Peer(address, headers.get("user-agent", ""), unauthenticated=not keyed)
        if scope["type"] == "websocket":
            if path != OPAMP:
                raise Refused(404, f"There is no WebSocket here; OpAMP is at {OPAMP}.")
            await self.socket(site, peer, receive, send)
            return None
        if path == OPAMP:
            return await self._opamp(site, peer, scope["method"], headers, receive)
        if scope["method"] not in ("GET", "HEAD"):
            raise Refused(405, "Send GET.")
        if path in SAMPLING:
            body, tag = site.sampling(_service(scope), headers, peer, self.now())
            return _tagged(body, tag, headers)
        if path == STRATEGIES:
            return Answer(200, site.strategies(self.now()), JSON)
        raise Refused(404, f"Not found. There are {', '.join((*SAMPLING, STRATEGIES, OPAMP))}.")

    def _site(self, path: str) -> tuple[RemoteSite, str]:
        """Return the site that a path means, and the rest of the path."""
        if not path.startswith("/sites/"):
            return self.here, path
        name, _, rest = path.removeprefix("/sites/").partition("/")
        if name not in self.sites:
            raise Refused(404, "There is no such site, or its services cannot ask.")
        return self.sites[name], f"/{rest}"

    async def _opamp(
        self,
        site: RemoteSite,
        peer: Peer,
        method: str,
        headers: Mapping[str, str],
        receive: Receive,
    ) -> Answer:
        if method != "POST":
            raise Refused(405, "Send POST, or open a WebSocket.")
        if self.stopping.is_set():
            return Answer(503, b"Restarting.\n", headers=((b"retry-after", RETRY_AFTER),))
        message = parsed(_unpacked(await _body(receive), headers.get("content-encoding", "")))
        reply = site.opamp.answer(message, peer, self.now())
        return Answer(200, reply.SerializeToString(), PROTOBUF)


def parsed(body: bytes) -> AgentToServer:
    """Read an agent's message; raises Refused."""
    try:
        return AgentToServer.FromString(body)
    except DecodeError:
        raise Refused(400, "The body must be an AgentToServer message of OpAMP.") from None


def _tagged(body: bytes, tag: str, headers: Mapping[str, str]) -> Answer:
    named = ((b"etag", tag.encode()),)
    if headers.get("if-none-match") == tag:
        return Answer(304, b"", JSON, named)
    return Answer(200, body, JSON, named)


def _headers(scope: Any) -> dict[str, str]:
    return {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}


def _service(scope: Any) -> str:
    query: bytes = scope["query_string"]
    if len(query) > LONGEST_QUERY:
        raise Refused(414, "The query is too long.")
    names = [value for name, value in parse_qsl(query.decode("latin-1"), True) if name == "service"]
    if len(names) != 1:
        raise Refused(400, "'service' parameter must be provided once")
    return names[0]


async def _body(receive: Receive) -> bytes:
    body = bytearray()
    try:
        async with asyncio.timeout(BODY_SECONDS):
            while True:
                message = await receive()
                body += message.get("body", b"")
                if len(body) > LARGEST_BODY:
                    raise _too_large()
                if not message.get("more_body"):
                    return bytes(body)
    except TimeoutError:
        raise Refused(408, f"The body did not arrive within {BODY_SECONDS:g} seconds.") from None


def _unpacked(body: bytes, encoding: str) -> bytes:
    if encoding in ("", "identity"):
        return body
    if encoding != "gzip":
        raise Refused(415, "Content-Encoding must be gzip, or missing.")
    unpacking = zlib.decompressobj(wbits=31)
    try:
        whole = unpacking.decompress(body, LARGEST_BODY + 1)
    except zlib.error:
        raise Refused(400, "The body is not gzip.") from None
    if len(whole) > LARGEST_BODY:
        raise _too_large()
    if not unpacking.eof:
        raise Refused(400, "The body is not gzip.")
    return whole


def _too_large() -> Refused:
    return Refused(413, f"The message is larger than {LARGEST_BODY // 1024} KiB.")
