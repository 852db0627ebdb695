"""Makes the demo's site follow its schedule."""

import asyncio
import time
from collections.abc import Callable, Sequence

from opsportal.demo.orders import BAD
from opsportal.demo.petstore import PetStore
from opsportal.demo.prometheus import Prometheus
from opsportal.demo.rollouts import Order
from opsportal.demo.running import is_served
from opsportal.demo.sampler import AskingSampler
from opsportal.demo.schedule import Scene, scene
from opsportal.demo.services import Trouble

INTERVAL = 1.0  # seconds
BREAKING = "SlowRequests"
# Prometheus's own words, also for a query that is fine but has too much data.
BROKEN = "query processing would load too many samples into memory in query execution"


class Director:
    """Applies what the schedule says to petstores, the services behind them and Prometheus.

    `clock` returns the seconds since the start, `order` what a person has ordered since it was
    called last: "good", "bad" or "".
    """

    def __init__(
        self,
        clock: Callable[[], float],
        order: Callable[[], str],
        *,
        trouble: Trouble,
        petstores: Sequence[PetStore],
        prometheus: Sequence[Prometheus],
    ) -> None:
        self._clock = clock
        self._order = order
        self._orders: list[Order] = []
        self._trouble = trouble
        self._petstores = petstores
        self._prometheus = prometheus

    async def run(self) -> None:
        """Follow the schedule forever."""
        while True:
            self.direct()
            await asyncio.sleep(INTERVAL)

    def direct(self) -> None:
        """Make everything as it is to be now."""
        now = self._clock()
        if order := self._order():
            self._orders.append(Order(now, bad=order == BAD))
        to_be = scene(now, self._orders)
        _disturb(self._trouble, to_be)
        self._prometheus[-1].be(to_be.silence)
        for source in self._prometheus:
            for rule in source.rules:
                if rule.name == BREAKING:
                    rule.error = BROKEN if to_be.broken else ""
        for petstore, release in zip(self._petstores, to_be.releases, strict=True):
            if petstore.release != release:
                petstore.roll_out(release)


async def restart(door: str, order: Callable[[], str], petstores: Sequence[PetStore]) -> None:
    """Restart the petstores that people name, forever.

    Those that ask for their sampling begin to do so when somebody listens on `door`.
    """
    asking = [each for each in petstores if isinstance(each.sampler, AskingSampler)]
    while True:
        if asking and await is_served(door):
            for each in asking:
                await asyncio.to_thread(each.sampler.restart)
            asking = []
        name = order()
        for each in petstores:
            if each.telemetry.instance == name:
                await asyncio.to_thread(each.restart)
        await asyncio.sleep(INTERVAL)


def stopwatch() -> Callable[[], float]:
    """Return a clock that returns the seconds since this call."""
    started = time.monotonic()
    return lambda: time.monotonic() - started


async def disturb(trouble: Trouble, clock: Callable[[], float]) -> None:
    """Let store and mailer have their bad times by the schedule, forever."""
    while True:
        _disturb(trouble, scene(clock()))
        await asyncio.sleep(INTERVAL)


def _disturb(trouble: Trouble, to_be: Scene) -> None:
    trouble.store, trouble.mailer = to_be.store, to_be.mailer
