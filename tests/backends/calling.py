"""Calls that count, wait and fail as a test says."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from ops.backends.calls import Calls
from ops.errors import BackendUnavailable
from ops.vocabulary import timerange

PLACE = "Jaeger of production at jaeger:16685"


class Clock:
    """Seconds that pass when a test says so."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class Upstream:
    """A backend's call that counts, and answers when it may."""

    def __init__(self) -> None:
        self.calls = 0
        self.cancelled = 0
        self.arrived = asyncio.Event()
        self.may_answer = asyncio.Event()
        self.error: Exception | None = None

    async def __call__(self) -> str:
        self.calls += 1
        self.arrived.set()
        try:
            await self.may_answer.wait()
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        if self.error:
            raise self.error
        return f"answer {self.calls}"


def make_calls(clock: Clock, timeout: int = timerange.MINUTE) -> Calls:
    return Calls("jaeger", "Jaeger of production", PLACE, timeout, clock)


def down() -> BackendUnavailable:
    return BackendUnavailable(f"{PLACE} refuses connections", backend="Jaeger of production")


def raising(error: Exception) -> Callable[[], Awaitable[str]]:
    async def call() -> str:
        raise error

    return call


async def answer() -> str:
    return "fine"


async def fail(calls: Calls, times: int) -> None:
    for _ in range(times):
        with pytest.raises(BackendUnavailable):
            await calls.read("key", raising(down()))
