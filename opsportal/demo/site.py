"""A whole site in this process: petstores, the services behind them, Jaeger and Prometheus."""

import time
from collections.abc import Callable
from contextlib import AsyncExitStack
from functools import partial
from types import TracebackType
from typing import Self

from ops.vocabulary.policies import rate
from opsportal.demo import jaeger, petstore
from opsportal.demo.jaeger import QueryService
from opsportal.demo.petstore import PetStore
from opsportal.demo.prometheus import Prometheus, Target, api
from opsportal.demo.rules import MAILER, PETSTORE, STORE, Queries, rules
from opsportal.demo.running import grpc_server, http_server, metrics_page, working
from opsportal.demo.services import Mailer, Store, Trouble
from opsportal.demo.store import TraceStore
from opsportal.demo.telemetry import Telemetry, telling
from opsportal.demo.traffic import seasons, traffic

ANY_PORT = "127.0.0.1:0"
VERSIONS = {"petstore-1": "1.2.0", "petstore-2": "1.2.0", "petstore-3": "1.3.0"}
POLICY = rate(0.25)
TRACES = 1_500  # about a quarter of an hour; more would only grow the memory
CALLS, FIRST_CALLS, FIRST_SECONDS = 8.0, 25.0, 20.0


class DemoSite:
    """Runs the site while inside: `async with DemoSite() as site`.

    `sites_toml` is its site file; at `otlp_address` (host:port) its Jaeger receives spans.
    """

    sites_toml: str
    otlp_address: str

    async def __aenter__(self) -> Self:
        async with AsyncExitStack() as stack:
            await self._start(stack)
            self._stack = stack.pop_all()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._stack.__aexit__(kind, error, trace)

    async def _start(self, stack: AsyncExitStack) -> None:
        """Start each server before its callers, so that it ends after them."""
        enter = stack.enter_async_context
        collect = partial(jaeger.add_to, queries=QueryService(TraceStore(TRACES)))
        self.otlp_address = otlp = await enter(grpc_server(ANY_PORT, jaeger.QUERY_SERVICE, collect))
        trouble = Trouble()
        store, mailer = Store(otlp, trouble), Mailer(otlp, trouble)
        petstores = [
            PetStore(store, mailer, instance=name, version=version, otlp=otlp, policy=POLICY)
            for name, version in VERSIONS.items()
        ]
        sources = [store.telemetry, mailer.telemetry, *(each.telemetry for each in petstores)]
        await enter(telling(*sources))
        addresses, pages = [], []
        for each in petstores:
            addresses.append(await enter(grpc_server(ANY_PORT, petstore.NAME, each.add_to)))
            page = metrics_page(each.telemetry.registry)
            pages.append(await enter(http_server(ANY_PORT, page)))
        watcher = _prometheus(sources)
        url = await enter(http_server(ANY_PORT, api(watcher)))
        await enter(working(watcher.run(), seasons(trouble), traffic(addresses, _busy_at_first())))
        self.sites_toml = _site_file(otlp, url, addresses, pages)


def _prometheus(sources: list[Telemetry]) -> Prometheus:
    targets = [Target(each.service, each.instance, each.registry) for each in sources]
    queries = [query for each in (PETSTORE, STORE, MAILER) for query in vars(each).values()]
    every_rule = rules()
    return Prometheus(targets, [*queries, *(rule.expression for rule in every_rule)], every_rule)


def _busy_at_first() -> Callable[[], float]:
    """Return a function for the calls per second; more at first, to have something to show."""
    calm = time.monotonic() + FIRST_SECONDS
    return lambda: CALLS if time.monotonic() > calm else FIRST_CALLS


def _site_file(jaeger_at: str, prometheus_at: str, instances: list[str], pages: list[str]) -> str:
    return f"""\
# Written by the demo at every start. The petstores' own metrics:
# {" ".join(f"{page}/metrics" for page in pages)}
default_site = "demo"

[sites.demo]
default_service = "petstore"

[sites.demo.jaeger]
address = "{jaeger_at}"

[[sites.demo.prometheus]]
name = "prometheus"
url = "{prometheus_at}"

[sites.demo.services.petstore]
instances = {instances}
{_queries(PETSTORE)}
[sites.demo.services.store]
{_queries(STORE)}
[sites.demo.services.mailer]
{_queries(MAILER)}"""


def _queries(queries: Queries) -> str:
    asked = ("version", "requests", "failing", "p95")
    return "".join(f"{name} = '{getattr(queries, name)}'\n" for name in asked)
