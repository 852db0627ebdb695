"""A real HTTP server on port 0 that answers what a test wants, well-formed or not."""

import json
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from queue import Queue
from typing import Any

PATIENCE = 60.0


@dataclass(frozen=True)
class Request:
    """A request that arrived."""

    path: str
    headers: "Message[str, str]"
    body: bytes


Raw = Iterable[bytes]


def reply(status: int = 200, body: bytes | object = b"", **headers: str) -> Raw:
    """A whole answer; what is not bytes is sent as JSON. `Content_Type` is `Content-Type`."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    said = {"Content-Type": "application/json", "Content-Length": str(len(content))}
    said |= {name.replace("_", "-"): value for name, value in headers.items()}
    head = "".join(f"{name}: {value}\r\n" for name, value in said.items())
    return [f"HTTP/1.1 {status} -\r\n{head}\r\n".encode("latin-1") + content]


def rate(value: object, **opsportal: object) -> dict[str, Any]:
    """A document with this rate."""
    document: dict[str, Any] = {
        "strategyType": "PROBABILISTIC",
        "probabilisticSampling": {"samplingRate": value},
    }
    return document | ({"opsportal": opsportal} if opsportal else {})


class FakeServer:
    """Answers every request as `answer` says; requests are kept, and can be waited for."""

    def __init__(self, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self.requests: list[Request] = []
        self._arrived: Queue[Request] = Queue()
        self.answer: Callable[[Request], Raw] = lambda _: reply(404)

    def serves(self, document: object, etag: str = "", **headers: str) -> None:
        """Answer with a document, or 304 to whom has it."""

        def answer(request: Request) -> Raw:
            if etag and request.headers.get("If-None-Match") == etag:
                return reply(304, **headers)
            return reply(200, document, **({"ETag": etag} if etag else {}), **headers)

        self.answer = answer

    def handle(self, request: Request) -> Raw:
        self.requests.append(request)
        chunks = self.answer(request)
        self._arrived.put(request)
        return chunks

    def wait(self, good: Callable[[Request], object] = lambda _: True) -> Request:
        """Return the next request of this kind that nobody waited for yet."""
        while True:
            request = self._arrived.get(timeout=PATIENCE)
            if good(request):
                return request


@contextmanager
def fake_server() -> Iterator[FakeServer]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            length = int(self.headers.get("Content-Length", 0))
            request = Request(self.path, self.headers, self.rfile.read(length))
            with suppress(OSError):  # the client has had enough
                for chunk in fake.handle(request):
                    self.wfile.write(chunk)
                    self.wfile.flush()

        do_POST = do_GET  # noqa: N815 - http.server's name

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        fake = FakeServer(server.server_address[1])
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield fake
        finally:
            server.shutdown()
            thread.join()


def headers_of(request: Request) -> Mapping[str, str]:
    return dict(request.headers.items())
