from collections.abc import AsyncIterator

import pytest
from hypothesis import settings

from tests.fakes.prometheus import FakePrometheus

settings.register_profile("opsportal", deadline=None)
settings.load_profile("opsportal")


@pytest.fixture
async def prometheus() -> AsyncIterator[FakePrometheus]:
    async with FakePrometheus() as server:
        yield server


@pytest.fixture
async def second() -> AsyncIterator[FakePrometheus]:
    async with FakePrometheus() as server:
        yield server
