"""A site whose traces are listed."""

import pytest

from tests.conftest import SiteFile
from tests.fakes.jaeger import FakeJaeger
from tests.traces.listing.shop import SITE


@pytest.fixture(autouse=True)
def site(site_file: SiteFile, jaeger: FakeJaeger) -> None:
    site_file(SITE.format(jaeger.address))
