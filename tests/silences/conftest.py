"""A site with two Alertmanagers that share their silences, as those of a cluster do."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import pytest

from tests.conftest import SiteFile
from tests.fakes.alertmanager import FakeAlertmanager
from tests.fakes.prometheus import FakePrometheus, alert

SITE = """
[sites.production.prometheus]
name = "main"
url = "{prometheus.url}"
[[sites.production.alertmanager]]
name = "am-a"
url = "{first.url}"
[[sites.production.alertmanager]]
name = "am-b"
url = "{second.url}"
"""


@dataclass(frozen=True)
class Cluster:
    """The two, and the Prometheus whose alerts they have."""

    prometheus: FakePrometheus
    first: FakeAlertmanager
    second: FakeAlertmanager

    def fires(self, name: str, **labels: str) -> None:
        whole = {"severity": "page", "job": "petstore", **labels}
        self.prometheus.rule(name, alert(name, annotations=None, **whole))
        self.first.has({"alertname": name, **whole}, "pets")


@asynccontextmanager
async def clustered(site_file: SiteFile) -> AsyncIterator[Cluster]:
    """Run the site until the block ends."""
    async with (
        FakePrometheus() as prometheus,
        FakeAlertmanager() as first,
        FakeAlertmanager(first) as second,
    ):
        site_file(SITE.format(prometheus=prometheus, first=first, second=second))
        yield Cluster(prometheus, first, second)


@pytest.fixture
async def cluster(site_file: SiteFile) -> AsyncIterator[Cluster]:
    async with clustered(site_file) as running:
        yield running
