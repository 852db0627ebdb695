"""A whole site in this process: petstores, what is behind them, Jaeger, Prometheus, Alertmanager.

`schedule.py` says what happens in it.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from types import TracebackType
from typing import Self

from ops.vocabulary.policies import rate
from opsportal.demo import alertmanager, jaeger, petstore
from opsportal.demo.alertmanager import Alertmanager
from opsportal.demo.director import Director, restart, stopwatch
from opsportal.demo.jaeger import QueryService
from opsportal.demo.petstore import PetStore
from opsportal.demo.prometheus import INTERVAL, Prometheus, Target, api
from opsportal.demo.rollouts import INSTANCES, releases
from opsportal.demo.rules import MAILER, PETSTORE, REPLICA_LABEL, STORE, Queries, rules
from opsportal.demo.running import (
    free_addresses,
    grpc_server,
    http_server,
    metrics_page,
    working,
)
from opsportal.demo.sampler import AskingSampler, ChangingSampler
from opsportal.demo.services import Mailer, Store, Trouble
from opsportal.demo.store import TraceStore
from opsportal.demo.telemetry import Telemetry, telling
from opsportal.demo.traffic import traffic

ANY_PORT = "127.0.0.1:0"
PETSTORES = tuple(f"petstore-{number + 1}" for number in range(INSTANCES))
REPLICAS = ("prometheus-a", "prometheus-b")
BACKENDS = ("StoreTimeouts", "MailRefused")  # alerts that inhibit warnings
POLICY = rate(0.25)
CEILING = 6  # traces a second: of 8 calls a second, 50% is below it and "always" above
TRACES = 6_000  # about fifty minutes; more would only grow the memory
CALLS, FIRST_CALLS, FIRST_SECONDS = 8.0, 25.0, 20.0


class DemoSite:
    """Runs the site while inside: `async with DemoSite() as site`.

    `sites_toml` is its site file; on `http` and `grpc` its machines' door is to listen. `clock`
    returns the seconds since the start, `order` what a person orders (see `Director`), `restarts`
    which petstore a person restarts.
    """

    sites_toml: str

    def __init__(
        self,
        clock: Callable[[], float] | None = None,
        order: Callable[[], str] = lambda: "",
        restarts: Callable[[], str] = lambda: "",
    ) -> None:
        self._clock = clock or stopwatch()
        self._order = order
        self._restarts = restarts
        self.http, self.grpc = free_addresses(2)

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
        otlp = await enter(grpc_server(ANY_PORT, jaeger.QUERY_SERVICE, collect))
        trouble = Trouble()
        store, mailer = Store(otlp, trouble), Mailer(otlp, trouble)
        petstores = [
            PetStore(
                store, mailer, instance=name, version=first.version, otlp=otlp, sampler=sampler
            )
            for name, first, sampler in zip(
                PETSTORES, releases(0), _samplers(self.http), strict=True
            )
        ]
        await enter(_closing(petstores))
        sources = [store.telemetry, mailer.telemetry, *(each.telemetry for each in petstores)]
        await enter(telling(*sources))
        addresses, pages = [], []
        for each in petstores:
            addresses.append(await enter(grpc_server(ANY_PORT, petstore.NAME, each.add_to)))
            page = metrics_page(each.telemetry.registry)
            pages.append(await enter(http_server(ANY_PORT, page)))
        pair = [_prometheus(sources, replica) for replica in REPLICAS]
        urls = [await enter(http_server(ANY_PORT, api(each))) for each in pair]
        routing = Alertmanager(pair, receiver="team", inhibiting=BACKENDS, without=[REPLICA_LABEL])
        routes = await enter(http_server(ANY_PORT, alertmanager.api(routing)))
        director = Director(
            self._clock, self._order, trouble=trouble, petstores=petstores, prometheus=pair
        )
        # Like real replicas, the pair does not scrape at the same moment.
        scrapes = [each.run(INTERVAL * n / len(pair)) for n, each in enumerate(pair)]
        calls = traffic(addresses, self._calls_per_second)
        restarts = restart(self.http, self._restarts, petstores)
        await enter(working(*scrapes, director.run(), calls, restarts))
        remote = _remote(self.http, self.grpc)
        self.sites_toml = _site_file(otlp, urls, routes, addresses[:1], pages) + remote

    def _calls_per_second(self) -> float:
        """Return more at first, to have something to show."""
        return CALLS if self._clock() > FIRST_SECONDS else FIRST_CALLS


def _samplers(door: str) -> list[ChangingSampler | AskingSampler]:
    """Return one of each kind: it is sent its policy, it asks, it reports with OpAMP."""
    asks = "service=petstore,pollingIntervalMs=2000,instance="
    _, remote, opamp = PETSTORES
    return [
        ChangingSampler(POLICY),
        AskingSampler(POLICY, f"endpoint=http://{door},{asks}{remote}"),
        AskingSampler(POLICY, f"opamp=http://{door}/v1/opamp,{asks}{opamp}"),
    ]


@asynccontextmanager
async def _closing(petstores: Sequence[PetStore]) -> AsyncIterator[None]:
    try:
        yield
    finally:
        await asyncio.gather(*(asyncio.to_thread(each.sampler.close) for each in petstores))


def _prometheus(sources: list[Telemetry], replica: str) -> Prometheus:
    targets = [Target(each.service, each.instance, each.registry) for each in sources]
    queries = [query for each in (PETSTORE, STORE, MAILER) for query in vars(each).values()]
    every_rule = rules(replica)
    return Prometheus(targets, [*queries, *(rule.expression for rule in every_rule)], every_rule)


def _site_file(
    jaeger_at: str,
    prometheus_at: list[str],
    alertmanager_at: str,
    instances: list[str],
    pages: list[str],
) -> str:
    return f"""\
# Written by the demo at every start. The petstores' own metrics:
# {" ".join(f"{page}/metrics" for page in pages)}
default_site = "demo"

[sites.demo]
default_service = "petstore"

[sites.demo.jaeger]
address = "{jaeger_at}"

{"".join(map(_source, REPLICAS, prometheus_at))}
[[sites.demo.alertmanager]]
name = "alertmanager"
url = "{alertmanager_at}"
timeout = "3s"

[sites.demo.services.petstore]
instances = {instances}
sampling = "{POLICY}"
sampling_ceiling = {CEILING}
rollout_within = "60s"
{_queries(PETSTORE)}
[sites.demo.services.store]
{_queries(STORE)}
[sites.demo.services.mailer]
{_queries(MAILER)}"""


def _remote(http: str, grpc: str) -> str:
    return f"""
[sites.demo.remote]
http = "{http}"
grpc = "{grpc}"
default_sampling = "{POLICY}"
"""


def _source(name: str, url: str) -> str:
    return f"""
[[sites.demo.prometheus]]
name = "{name}"
url = "{url}"
timeout = "3s"
pair = "prometheus"
replica_labels = ["{REPLICA_LABEL}"]
"""


def _queries(queries: Queries) -> str:
    asked = ("version", "requests", "failing", "p95")
    return "".join(f"{name} = '{getattr(queries, name)}'\n" for name in asked)
