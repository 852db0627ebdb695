"""Static files as of the start of the process: named by content, compressed, in memory.

There is no build step: the files are read once, each name gets a hash of the content, and
references to it (a module's import, a stylesheet's url()) are rewritten. A hashed name always
means the same content, so browsers cache it forever. A stylesheet that imports its neighbours
is served as one file with them. Because they are in memory, a process's files do not change
when its checkout does.
"""

import gzip
import hashlib
import mimetypes
import posixpath
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from django.contrib.staticfiles import finders
from django.contrib.staticfiles.storage import StaticFilesStorage, staticfiles_storage
from django.core.exceptions import ImproperlyConfigured
from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseNotModified
from django.utils.decorators import async_only_middleware

from opsportal.compression import accepts_gzip
from opsportal.middleware import Next

REFERENCES = {
    ".css": re.compile(r"""(?:url\(\s*["']?|@import\s*["'])(?!data:|[a-z]+:|[#/])([^"')]+)"""),
    ".js": re.compile(r"""(?:\bfrom|\bimport\s*\(?)\s*["'](\.{1,2}/[^"']+)["']"""),
}
PART = re.compile(r"""^@import "([\w-]+\.css)";$""", re.MULTILINE)
KINDS = {".js": "text/javascript", ".svg": "image/svg+xml"}  # not from this machine's table
TEXT = ("text/", "image/svg", "application/json")
HASH = re.compile(r"\.[0-9a-f]{12}(?=\.[^./]+$)")
FOR_GOOD = "max-age=31536000, public, immutable"
ASK_AGAIN = "no-cache, public"


@dataclass(frozen=True, slots=True)
class File:
    """A file as it is served; `references` are the names of the files that it refers to."""

    name: str
    body: bytes
    packed: bytes
    kind: str
    references: tuple[str, ...]

    @property
    def etag(self) -> str:
        return f'"{HASH.findall(self.name)[0][1:]}"'


class Files:
    """All static files, by the names that templates give them."""

    def __init__(self, contents: dict[str, bytes]) -> None:
        self._contents = contents
        self._begun: list[str] = []
        self._found: dict[str, File] = {}
        for name in contents:
            self.named(name)
        self._served = {file.name: file for file in self._found.values()}

    @property
    def names(self) -> list[str]:
        """Every name, without its hash."""
        return list(self._found)

    def named(self, name: str) -> File:
        """Return a file by its name without hash; raises ImproperlyConfigured if there is none."""
        if name not in self._found:
            self._found[name] = self._read(name)
        return self._found[name]

    def served(self, path: str) -> tuple[File, bool] | None:
        """Return the file at a path, and whether the path has the hash of its content.

        A page of another release, from before a restart or from another process, requests
        hashes that we do not have: our file is better than none.
        """
        if file := self._served.get(path):
            return file, True
        file = self._found.get(HASH.sub("", path))
        return (file, False) if file else None

    def behind(self, name: str) -> list[str]:
        """Return every file that this one needs, directly or indirectly, without itself."""
        needed: dict[str, None] = {}
        waiting = [name]
        while waiting:
            further = [each for each in self.named(waiting.pop()).references if each not in needed]
            needed.update(dict.fromkeys(further))
            waiting += further
        return list(needed)

    def _read(self, name: str) -> File:
        if name not in self._contents:
            asking = f", which {self._begun[-1]} refers to" if self._begun else ""
            raise ImproperlyConfigured(f"there is no static file {name}{asking}")
        if name in self._begun:
            raise ImproperlyConfigured(f"{' > '.join([*self._begun, name])} refer to each other")
        self._begun.append(name)
        body, references = self._rewritten(name, self._contents[name])
        self._begun.pop()
        stem, extension = posixpath.splitext(name)
        kind = KINDS.get(extension) or mimetypes.guess_type(name)[0] or "application/octet-stream"
        return File(
            name=f"{stem}.{hashlib.sha256(body).hexdigest()[:12]}{extension}",
            body=body,
            packed=gzip.compress(body, mtime=0) if kind.startswith(TEXT) else b"",
            kind=f"{kind}; charset=utf-8" if kind.startswith("text/") else kind,
            references=tuple(references),
        )

    def _rewritten(self, name: str, body: bytes) -> tuple[bytes, list[str]]:
        """Return the content with hashed names for its references, and their plain names."""
        pattern = REFERENCES.get(posixpath.splitext(name)[1])
        if pattern is None:
            return body, []
        references = []

        def hashed(found: re.Match[str]) -> str:
            path, mark, rest = re.fullmatch("([^?#]*)([?#]?)(.*)", found[1]).groups()  # type: ignore[union-attr]
            target = posixpath.normpath(posixpath.join(posixpath.dirname(name), path))
            references.append(target)
            named = posixpath.basename(self.named(target).name)
            address = posixpath.join(posixpath.dirname(path), named) + mark + rest
            return found[0].replace(found[1], address)

        pieces = PART.split(body.decode())  # every second one is the name of a part
        pieces[::2] = [pattern.sub(hashed, piece) for piece in pieces[::2]]
        pieces[1::2] = [self._part(name, part) for part in pieces[1::2]]
        return "".join(pieces).encode(), references

    def _part(self, whole: str, part: str) -> str:
        return self.named(posixpath.join(posixpath.dirname(whole), part)).body.decode().strip()


class Storage(StaticFilesStorage):
    """Gives `{% static %}` the address of a file."""

    @cached_property
    def files(self) -> Files:
        return Files(dict(_contents()))

    def url(self, name: str | None) -> str:
        return super().url(self.files.named(name or "").name)


def modules_behind(name: str) -> list[str]:
    """Return the modules that a module needs; none in development, where files are not read."""
    if not isinstance(staticfiles_storage, Storage):
        return []
    return staticfiles_storage.files.behind(name)


def _contents() -> Iterator[tuple[str, bytes]]:
    seen = set()
    for finder in finders.get_finders():
        for name, storage in finder.list([]):
            if name not in seen:  # the first finder wins, as in Django
                seen.add(name)
                with storage.open(name) as file:
                    yield name, file.read()


@async_only_middleware
def static_files(next_: Next) -> Next:
    """Serve everything below STATIC_URL."""
    if not isinstance(staticfiles_storage, Storage):
        return next_  # in development, see opsportal.asgi
    files, below = staticfiles_storage.files, staticfiles_storage.base_url

    async def middleware(request: HttpRequest) -> HttpResponseBase:
        name = request.path_info.removeprefix(below)
        found = files.served(name) if name != request.path_info else None
        if found is None or request.method not in ("GET", "HEAD"):
            return await next_(request)
        return _answer(request, *found)

    return middleware


def _answer(request: HttpRequest, file: File, exact: bool) -> HttpResponse:
    headers = {
        "Cache-Control": FOR_GOOD if exact else ASK_AGAIN,
        "ETag": file.etag,
        "Vary": "Accept-Encoding",
    }
    if request.headers.get("If-None-Match") == file.etag:
        return HttpResponseNotModified(headers=headers)
    body = file.body
    if file.packed and accepts_gzip(request):
        body = file.packed
        headers["Content-Encoding"] = "gzip"
    headers["Content-Length"] = str(len(body))
    return HttpResponse(body, content_type=file.kind, headers=headers)
