"""One channel or client per backend, process and event loop, opened at first use.

Channels and sessions belong to the loop that made them. A process usually has one loop, but tests
and management commands have one after the other.
"""

import asyncio
from collections.abc import Callable, Hashable
from typing import Protocol, TypeVar

from ops.backends.alertmanager import Alertmanager
from ops.backends.jaeger import Jaeger
from ops.backends.prometheus import Prometheus
from ops.caching import Kept, Lasting, Shared
from ops.errors import NotSetUp
from ops.sites import AlertmanagerSource, PrometheusSource, Site

MOST_KEPT = 256 * 1024 * 1024  # bytes
KEPT_SECONDS = 300.0


class _Backend(Protocol):
    async def close(self) -> None: ...


B = TypeVar("B", bound=_Backend)


class Clients:
    """The backends of one event loop.

    `reads` shares reads that combine several backends' answers (each backend shares its own);
    `lasting` has reads that pages do not wait for; `kept` caches results of answers that no
    longer change.
    """

    def __init__(self) -> None:
        self.reads = Shared()
        self.lasting = Lasting(self.reads)
        self.kept = Kept(MOST_KEPT, KEPT_SECONDS)
        self._open: dict[Hashable, _Backend] = {}

    def jaeger(self, site: Site) -> Jaeger:
        """Return the site's Jaeger; raises NotSetUp if it has none."""
        source = site.jaeger
        if source is None:
            raise NotSetUp(f'site "{site.name}" has no Jaeger, so it has no traces')
        return self._one(Jaeger, (site.name, source), lambda: Jaeger(site, source))

    def prometheus(self, site: Site, source: PrometheusSource) -> Prometheus:
        """Return one Prometheus source of the site."""
        return self._one(Prometheus, (site.name, source), lambda: Prometheus(site, source))

    def alertmanager(self, site: Site, source: AlertmanagerSource) -> Alertmanager:
        """Return one Alertmanager of the site."""
        return self._one(Alertmanager, (site.name, source), lambda: Alertmanager(site, source))

    async def close(self) -> None:
        """Close everything that is open; later use opens it again."""
        await self.lasting.close()
        backends = list(self._open.values())
        self._open.clear()
        await asyncio.gather(*(backend.close() for backend in backends))

    def _one(self, kind: type[B], key: Hashable, make: Callable[[], B]) -> B:
        backend = self._open.get(key)
        if not isinstance(backend, kind):
            backend = self._open[key] = make()
        return backend


_of_loop: dict[asyncio.AbstractEventLoop, Clients] = {}


def clients() -> Clients:
    """Return the running event loop's clients."""
    loop = asyncio.get_running_loop()
    if loop not in _of_loop:
        # Nothing can be awaited on a closed loop, so what is left there is just forgotten.
        for closed in [other for other in _of_loop if other.is_closed()]:
            del _of_loop[closed]
        _of_loop[loop] = Clients()
    return _of_loop[loop]


async def close_clients() -> None:
    """Close the running event loop's clients, on shutdown."""
    if found := _of_loop.pop(asyncio.get_running_loop(), None):
        await found.close()
