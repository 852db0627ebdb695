"""Sites whose backends the tests run themselves."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from ops.backends.calls import Calls
from ops.backends.clients import clients
from ops.backends.jaeger import Jaeger
from ops.backends.trace_search import TraceSearch
from ops.sites import JaegerSource, PrometheusSource, Service, Site
from ops.vocabulary import timerange
from tests.backends.calling import Clock, Upstream, make_calls
from tests.fakes.jaeger import RELEASES, FakeJaeger
from tests.fakes.prometheus import FakePrometheus

PAST = timerange.parse_moment("2024-11-24T14:00:00Z").nanoseconds
HOUR = TraceSearch(start=PAST - timerange.HOUR, end=PAST, limit=20)


@pytest.fixture
async def fake_prometheus() -> AsyncIterator[FakePrometheus]:
    async with FakePrometheus() as fake:
        yield fake


def make_site(
    *,
    jaeger: JaegerSource | None = None,
    prometheus: tuple[PrometheusSource, ...] = (),
    services: tuple[Service, ...] = (),
) -> Site:
    """A site called "production"."""
    return Site("production", jaeger, prometheus, {item.name: item for item in services}, "")


@pytest.fixture(params=RELEASES)
async def fake(request: pytest.FixtureRequest) -> AsyncIterator[FakeJaeger]:
    async with FakeJaeger(request.param) as server:
        yield server


@pytest.fixture
async def old() -> AsyncIterator[FakeJaeger]:
    async with FakeJaeger("2.13") as server:
        yield server


@pytest.fixture
async def oldest() -> AsyncIterator[FakeJaeger]:
    async with FakeJaeger("1.x") as server:
        yield server


@pytest.fixture(params=["1.x", "2.13"])
async def dated(request: pytest.FixtureRequest) -> AsyncIterator[FakeJaeger]:
    async with FakeJaeger(request.param) as server:
        yield server


@pytest.fixture
async def new() -> AsyncIterator[FakeJaeger]:
    async with FakeJaeger("2.20") as server:
        yield server


def client(server: FakeJaeger | str, **source: Any) -> Jaeger:
    """The client of a fake, or of an address."""
    address = server if isinstance(server, str) else server.address
    return clients().jaeger(make_site(jaeger=JaegerSource(address, **source)))


def at(minutes_before: float) -> int:
    """So many minutes before the end of HOUR."""
    return PAST - int(minutes_before * timerange.MINUTE)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def calls(clock: Clock) -> Calls:
    return make_calls(clock)


@pytest.fixture
def upstream() -> Upstream:
    return Upstream()
