from collections.abc import AsyncIterator

import pytest

from tests.fakes.prometheus import FakePrometheus


@pytest.fixture
async def prometheus() -> AsyncIterator[FakePrometheus]:
    async with FakePrometheus() as server:
        yield server


@pytest.fixture
async def second() -> AsyncIterator[FakePrometheus]:
    async with FakePrometheus() as server:
        yield server
