from collections.abc import AsyncIterator

import pytest
from hypothesis import settings

from ops.traces import listing
from tests.fakes.jaeger import FakeJaeger

settings.register_profile("opsportal", deadline=None)
settings.load_profile("opsportal")


@pytest.fixture(autouse=True)
def nothing_explained_yet() -> None:
    listing.explanations.clear()


@pytest.fixture
async def second() -> AsyncIterator[FakeJaeger]:
    async with FakeJaeger() as server:
        yield server
