"""A whole site in this process: petstores and what is behind them, their Jaeger and Prometheus."""

import asyncio
import time
from collections.abc import AsyncIterator, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from types import TracebackType
from typing import Any, Self

from ops.sampling.policy import rate
from opsportal.demo import jaeger, petstore, prometheus
from opsportal.demo.jaeger import QueryService
from opsportal.demo.listening import serving
from opsportal.demo.petstore import PetStore
from opsportal.demo.prometheus import Prometheus, Target
from opsportal.demo.rules import MAILER, PETSTORE, STORE, Queries, rules
from opsportal.demo.services import Mailer, Store, Trouble
from opsportal.demo.store import TraceStore
from opsportal.demo.telemetry import Telemetry, telling
from opsportal.demo.traffic import seasons, traffic

ANY_PORT = "127.0.0.1:0"
VERSIONS = {"petstore-1": "1.2.0", "petstore-2": "1.2.0", "petstore-3": "1.3.0"}
POLICY = rate(0.25)
TRACES = 5_000
CALLS, FIRST_CALLS, FIRST_SECONDS = 8.0, 25.0, 20.0


class DemoSite:
    """Runs the site while inside: `async with DemoSite() as site`.

    `sites_toml` is its site file, `otlp_address` (host:port) where its Jaeger takes spans.
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
        """Start what is called before what calls it, so that all ends the other way round."""
        traces = TraceStore(TRACES)
        self.otlp_address = await stack.enter_async_context(
            serving(
                ANY_PORT, jaeger.QUERY_SERVICE, partial(jaeger.add_to, queries=QueryService(traces))
            )
        )
        trouble = Trouble()
        store, mailer = Store(self.otlp_address, trouble), Mailer(self.otlp_address, trouble)
        petstores = [
            PetStore(
                store,
                mailer,
                instance=instance,
                version=version,
                otlp=self.otlp_address,
                policy=POLICY,
            )
            for instance, version in VERSIONS.items()
        ]
        sources = [store.telemetry, mailer.telemetry, *(each.telemetry for each in petstores)]
        await stack.enter_async_context(telling(*sources))
        addresses = [
            await stack.enter_async_context(serving(ANY_PORT, petstore.NAME, each.add_to))
            for each in petstores
        ]
        watcher = _prometheus(sources)
        url = await stack.enter_async_context(prometheus.serving(watcher))
        calls = traffic(addresses, _calls_since(time.monotonic()))
        await stack.enter_async_context(_running(watcher.run(), seasons(trouble), calls))
        self.sites_toml = _site_file(self.otlp_address, url, addresses)


def _prometheus(sources: list[Telemetry]) -> Prometheus:
    targets = [Target(each.service, each.instance, each.registry) for each in sources]
    queries = [query for each in (PETSTORE, STORE, MAILER) for query in vars(each).values()]
    every_rule = rules()
    return Prometheus(targets, [*queries, *(rule.expression for rule in every_rule)], every_rule)


def _calls_since(start: float) -> "partial[float]":
    return partial(_calls, start)


def _calls(start: float) -> float:
    """Return how many calls a second to make: more at first, so that there is something to see."""
    return FIRST_CALLS if time.monotonic() - start < FIRST_SECONDS else CALLS


@asynccontextmanager
async def _running(*work: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    """Run work that never ends, until the end; what fails ends everything."""
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(each) for each in work]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()


def _site_file(jaeger_address: str, prometheus_url: str, instances: list[str]) -> str:
    return f"""\
default_site = "demo"

[sites.demo]
default_service = "petstore"

[sites.demo.jaeger]
address = "{jaeger_address}"

[[sites.demo.prometheus]]
name = "prometheus"
url = "{prometheus_url}"

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
