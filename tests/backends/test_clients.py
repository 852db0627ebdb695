"""One connection for each backend and loop."""

import asyncio

import pytest

from ops.backends.clients import clients, close_clients
from ops.errors import NotFound
from ops.sites import JaegerSource, PrometheusSource
from tests.backends.conftest import make_site
from tests.fakes.jaeger import FakeJaeger
from tests.fakes.prometheus import FakePrometheus

MAIN = PrometheusSource("main", "http://127.0.0.1:1")


async def test_it_gives_the_same_backend_again() -> None:
    site = make_site(jaeger=JaegerSource("127.0.0.1:1"), prometheus=(MAIN,))
    assert clients().jaeger(site) is clients().jaeger(site)
    assert clients().prometheus(site, MAIN) is clients().prometheus(site, MAIN)


async def test_it_keeps_backends_apart_that_are_described_differently() -> None:
    one = make_site(jaeger=JaegerSource("127.0.0.1:1", headers={"x-tenant": "a"}))
    two = make_site(jaeger=JaegerSource("127.0.0.1:1", headers={"x-tenant": "b"}))
    assert clients().jaeger(one) is not clients().jaeger(two)


async def test_it_says_that_a_site_has_no_jaeger() -> None:
    with pytest.raises(NotFound, match='site "production" has no Jaeger'):
        clients().jaeger(make_site())


async def test_it_opens_anew_what_was_closed(fake_prometheus: FakePrometheus) -> None:
    async with FakeJaeger() as fake:
        source = PrometheusSource("main", fake_prometheus.url)
        site = make_site(jaeger=JaegerSource(fake.address), prometheus=(source,))
        for _ in range(2):
            assert await clients().jaeger(site).services() == ()
            assert (await clients().prometheus(site, source).query("up")).samples == ()
            await close_clients()


def test_it_opens_connections_of_its_own_in_each_loop() -> None:
    async def mine() -> object:
        return clients()

    assert asyncio.run(mine()) is not asyncio.run(mine())
