"""Static files as they were when the process started: named by content, compressed, in memory.

There is no build step: the files are read once, each gets a hash of its content into its name,
and what refers to it (an import of a module, a url() of a stylesheet) is rewritten. A name that
carries its content never changes its meaning, so browsers keep it for good. A stylesheet that
imports its neighbours is served as one file with them. Being in memory, the files of a process
stay as they are whatever happens to the checkout below it.
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
KINDS = {".js": "text/javascript", ".svg": "image/svg+xml"}  # whatever this machine's table says
TEXT = ("text/", "image/svg", "application/json")
HASH = re.compile(r"\.[0-9a-f]{12}(?=\.[^./]+$)")
FOR_GOOD = "max-age=31536000, public, immutable"
ASK_AGAIN = "no-cache, public"


@dataclass(frozen=True, slots=True)
class File:
    """A file as it is served; `references` are the names of the files that it names."""

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
        """Every name, without hash."""
        return list(self._found)

    def named(self, name: str) -> File:
        """Return the file of this name without hash; raises ImproperlyConfigured for none."""
        if name not in self._found:
            self._found[name] = self._read(name)
        return self._found[name]

    def served(self, path: str) -> tuple[File, bool] | None:
        """Return the file at a path and whether the path carries its content's hash.

        A page that another release wrote, before a restart or beside us, asks for hashes that
        we do not have: ours is closer to right than none.
        """
        if file := self._served.get(path):
            return file, True
        file = self._found.get(HASH.sub("", path))
        return (file, False) if file else None

    def behind(self, name: str) -> list[str]:
        """Return every file that this one needs, directly or not, without itself."""
        needed: dict[str, None] = {}
        waiting = [name]
        while waiting:
            further = [each for each in self.named(waiting.pop()).references if each not in needed]
            needed.update(dict.fromkeys(further))
            waiting += further
        return list(needed)

    def _read(self, name: str) -> File:
        if name not in self._contents:
            asking = f", which {self._begun[-1]} names" if self._begun else ""
            raise ImproperlyConfigured(f"there is no static file {name}{asking}")
        if name in self._begun:
            raise ImproperlyConfigured(f"{' > '.join([*self._begun, name])} name each other")
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
        """The content with the hashed names of what it refers to, and their plain names."""
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

        pieces = PART.split(body.decode())  # between them the names of parts
        pieces[::2] = [pattern.sub(hashed, piece) for piece in pieces[::2]]
        pieces[1::2] = [self._part(name, part) for part in pieces[1::2]]
        return "".join(pieces).encode(), references

    def _part(self, whole: str, part: str) -> str:
        return self.named(posixpath.join(posixpath.dirname(whole), part)).body.decode().strip()


class Storage(StaticFilesStorage):
    """Where `{% static %}` finds the address of a file."""

    @cached_property
    def files(self) -> Files:
        return Files(dict(_contents()))

    def url(self, name: str | None) -> str:
        return super().url(self.files.named(name or "").name)


def modules_behind(name: str) -> list[str]:
    """Return the modules that a module needs; none while one develops, where nothing is read."""
    if not isinstance(staticfiles_storage, Storage):
        return []
    return staticfiles_storage.files.behind(name)


def _contents() -> Iterator[tuple[str, bytes]]:
    seen = set()
    for finder in finders.get_finders():
        for name, storage in finder.list([]):
            if name not in seen:  # the first finder wins, as with Django
                seen.add(name)
                with storage.open(name) as file:
                    yield name, file.read()


@async_only_middleware
def static_files(next_: Next) -> Next:
    """Answer for what lies below STATIC_URL."""
    if not isinstance(staticfiles_storage, Storage):
        return next_  # while one develops, see opsportal.asgi
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
