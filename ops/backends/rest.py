"""What the clients of REST backends share: names, the path of a call, reading an answer."""

import asyncio
from collections.abc import Awaitable, Callable, Hashable, Sized
from typing import Any, Generic, TypeVar

from ops.backends import safe_json
from ops.backends.calls import Calls
from ops.backends.http import HttpAnswer, HttpClient
from ops.backends.http_errors import SourceErrors
from ops.errors import BackendUnavailable
from ops.sites import RestSource, Site
from ops.toml_file import which_of

T = TypeVar("T")
E = TypeVar("E", bound=SourceErrors)
_MUCH_TO_READ = 200_000  # bytes from which an answer is parsed in a thread: about 5 ms of work


class RestBackend(Generic[E]):
    """One backend of a site, which is a `product` such as "Prometheus", below `root` of its URL.

    `several` are the site's sources of this kind.
    """

    def __init__(
        self,
        product: str,
        site: Site,
        source: RestSource,
        several: Sized,
        *,
        root: str,
        errors: type[E],
    ) -> None:
        kind = product.lower()
        self.name = f"{product} {source.name} of {site.name}"
        self.place = f"{self.name} at {source.url}"
        self._calls = Calls(kind, self.name, self.place, source.timeout)
        self.errors = errors(
            product,
            self.name,
            self.place,
            source.url,
            f"[[sites.{site.name}.{kind}]]{which_of(source.name, 0, several)}",
            source.largest_answer,
            self._calls.too_slow,
        )
        self._root = f"{source.url}{root}"
        self._client = HttpClient(
            source.headers,
            secure=source.url.startswith("https:"),
            ca=source.ca,
            largest=source.largest_answer,
        )

    async def close(self) -> None:
        await self._client.close()

    async def _call(self, key: Hashable, call: Callable[[], Awaitable[T]]) -> T:
        try:
            return await self._calls.read(key, call)
        except BackendUnavailable as error:
            # Other connections may lead to the same dead server, behind a load balancer.
            if not error.answered:
                self._client.renew()
            raise

    async def _send(self, method: str, path: str, **content: Any) -> HttpAnswer:
        with self.errors.translated():
            return await self._client.request(method, f"{self._root}/{path}", **content)

    async def _parsed(self, parse: Callable[[], T], size: int, *wrong: type[Exception]) -> T:
        """Run what parses an answer of that size in bytes, in a thread if it is large.

        Its exceptions of the kinds in `wrong` mean that the answer has another format.
        """

        def run() -> T:
            try:
                return parse()
            except safe_json.TooMuch as error:
                words = f"answered with {error}, more than the limit"
                raise self.errors.unusable(words) from error
            except wrong as error:
                raise self.errors.other_format("") from error

        return await asyncio.to_thread(run) if size > _MUCH_TO_READ else run()

    def _json(self, answer: HttpAnswer) -> Any:
        try:
            return safe_json.read(answer.body)
        except ValueError:
            raise self.errors.not_json(answer) from None
