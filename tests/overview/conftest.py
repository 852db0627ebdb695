from collections.abc import AsyncIterator

import pytest

from ops.traces import listing
from tests.fakes.prometheus import FakePrometheus


@pytest.fixture(autouse=True)
def nothing_explained_yet() -> None:
    listing.explanations.clear()


@pytest.fixture
async def prometheus() -> AsyncIterator[FakePrometheus]:
    async with FakePrometheus() as server:
        yield server
