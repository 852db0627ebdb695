"""Sites whose backends the tests run themselves."""

from collections.abc import AsyncIterator

import pytest

from ops.sites import JaegerSource, PrometheusSource, Service, Site
from tests.fakes.prometheus import FakePrometheus


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
