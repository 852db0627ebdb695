from collections.abc import AsyncIterator

import pytest

from ops.traces import listing
from tests.fakes.jaeger import FakeJaeger


@pytest.fixture(autouse=True)
def nothing_explained_yet() -> None:
    listing.explanations.clear()


@pytest.fixture
async def second() -> AsyncIterator[FakeJaeger]:
    async with FakeJaeger() as server:
        yield server
