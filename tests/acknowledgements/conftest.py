"""A site with one Prometheus, in which QueueDeep is firing on two instances."""

from collections.abc import AsyncIterator

import pytest

from ops.actor import Actor
from tests.conftest import Person, SiteFile, actor_of
from tests.fakes.prometheus import FakePrometheus, alert

SITE = """
[sites.production.prometheus]
name = "main"
url = "{prometheus.url}"
[sites.production.services.petstore]
alerts = {{ job = "petstore" }}
[sites.production.services.orders]
alerts = {{ job = "orders" }}
"""


@pytest.fixture
async def prometheus(site_file: SiteFile) -> AsyncIterator[FakePrometheus]:
    async with FakePrometheus() as server:
        deep = (alert("QueueDeep", job="petstore", pod=pod) for pod in ("one", "two"))
        server.rule("QueueDeep", *deep)
        site_file(SITE.format(prometheus=server))
        yield server


@pytest.fixture
def mia(person: Person) -> Actor:
    """Another person on call; see `operator` for olga."""
    return actor_of(person("mia", "operators"))
