from collections.abc import AsyncIterator

import pytest

from ops.traces import listing
from ops.traces.seen import seen
from tests.fakes.jaeger import FakeJaeger


@pytest.fixture(autouse=True)
def nothing_known_yet() -> None:
    listing.explanations.clear()
    seen.clear()


@pytest.fixture
async def second() -> AsyncIterator[FakeJaeger]:
    async with FakeJaeger() as server:
        yield server
