"""Compression of responses, whole or streamed.

About BREACH: compression can reveal a secret that is in one page with text chosen by an
attacker. The only secrets in our pages are CSRF tokens, which Django masks differently in each
response. The padding below also blurs the length of the rest.
"""

import asyncio
import gzip
import io
import secrets
from collections.abc import AsyncIterator, Callable

from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.utils.cache import patch_vary_headers
from django.utils.decorators import async_only_middleware

from opsportal.middleware import Next

KINDS = ("text/", "application/json", "application/jsonl", "image/svg")
LEAST = 500  # bytes; less is not worth it
ON_THE_LOOP = 30_000  # bytes, about a millisecond; larger ones are compressed in a thread
LEVEL = 5
PADDING = 64  # bytes at most


def accepts_gzip(request: HttpRequest) -> bool:
    """Return whether the browser accepts gzip; `gzip;q=0` means no."""
    for choice in request.headers.get("Accept-Encoding", "").lower().split(","):
        name, _, weight = choice.partition(";")
        if name.strip() in ("gzip", "*"):
            return weight.replace(" ", "").rstrip(".0") not in ("q", "q=")
    return False


@async_only_middleware
def compressed(next_: Next) -> Next:
    """Compress responses that are text and not compressed yet."""

    async def middleware(request: HttpRequest) -> HttpResponseBase:
        response = await next_(request)
        if not response.headers.get("Content-Type", "").startswith(KINDS):
            return response
        patch_vary_headers(response, ("Accept-Encoding",))
        if response.has_header("Content-Encoding") or not accepts_gzip(request):
            return response
        if isinstance(response, HttpResponse):
            await _compress(response)
        elif isinstance(response, StreamingHttpResponse) and response.is_async:
            _compress_stream(response)
        return response

    return middleware


async def _compress(response: HttpResponse) -> None:
    if len(response.content) < LEAST:
        return
    packer = _Packer()
    packed = await _off_loop_if_large(packer.add, response.content)
    response.content = packed + packer.end()
    response.headers["Content-Encoding"] = "gzip"
    response.headers["Content-Length"] = str(len(response.content))


def _compress_stream(response: StreamingHttpResponse) -> None:
    pieces: AsyncIterator[bytes] = response.streaming_content  # type: ignore[assignment]
    response.streaming_content = _packed(pieces)
    response.headers["Content-Encoding"] = "gzip"
    response.headers.pop("Content-Length", None)


async def _packed(pieces: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """Flush after each piece, so that the browser can show it immediately."""
    packer = _Packer()
    async for piece in pieces:
        yield await _off_loop_if_large(packer.add_and_flush, piece)
    yield packer.end()


async def _off_loop_if_large(pack: Callable[[bytes], bytes], piece: bytes) -> bytes:
    return pack(piece) if len(piece) < ON_THE_LOOP else await asyncio.to_thread(pack, piece)


class _Packer:
    """Writes gzip in pieces; a file name of random length in the header is the padding."""

    def __init__(self) -> None:
        name = "x" * (1 + secrets.randbelow(PADDING))
        self._out = io.BytesIO()
        self._file = gzip.GzipFile(name, "wb", LEVEL, self._out, mtime=0)

    def add(self, piece: bytes) -> bytes:
        self._file.write(piece)
        return self._taken()

    def add_and_flush(self, piece: bytes) -> bytes:
        self._file.write(piece)
        self._file.flush()
        return self._taken()

    def end(self) -> bytes:
        self._file.close()
        return self._taken()

    def _taken(self) -> bytes:
        taken = self._out.getvalue()
        self._out.seek(0)
        self._out.truncate()
        return taken
