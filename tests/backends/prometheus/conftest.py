"""A client of the fake Prometheus."""

from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from ops.backends.prometheus import Prometheus
from ops.errors import BackendUnavailable
from ops.sites import PrometheusSource
from tests.backends.conftest import make_site
from tests.fakes.prometheus import FakePrometheus

Client = Callable[..., Prometheus]


@pytest.fixture
async def client(fake_prometheus: FakePrometheus) -> AsyncIterator[Client]:
    """Make a client of the fake, or of another URL, with what else its source says."""
    made: list[Prometheus] = []

    def make(url: str = "", **source: Any) -> Prometheus:
        described = PrometheusSource("main", url or fake_prometheus.url, **source)
        made.append(Prometheus(make_site(prometheus=(described,)), described))
        return made[-1]

    yield make
    for prometheus in made:
        await prometheus.close()


async def refused(reading: Any) -> str:
    with pytest.raises(BackendUnavailable) as caught:
        await reading
    assert caught.value.backend == "Prometheus main of production"
    return str(caught.value)
