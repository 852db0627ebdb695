"""A server for the sampler, and a clock that tests move."""

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from tests.clients.server import FakeServer, fake_server


@dataclass
class Clock:
    """Time that stands still until a test moves it."""

    now: float = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def server() -> Iterator[FakeServer]:
    with fake_server() as fake:
        yield fake
