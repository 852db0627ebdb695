"""The machines' door of one process: every site that has one, and what goes on beside requests."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, suppress
from functools import partial
from pathlib import Path

from django.db import DatabaseError

from ops.database import in_database
from ops.errors import OpsError
from ops.metrics import watched
from ops.remote.agents import Agent
from ops.remote.grpc import serve_sampling
from ops.remote.http import RemoteHttp
from ops.remote.site import RemoteSite
from ops.remote.sockets import Sockets
from ops.sampling import reports
from ops.sampling.desired import Desired
from ops.sampling.reports import Report
from ops.sites import Site
from ops.vocabulary import timerange

PUSH_EACH = 0.25  # seconds
WRITE_EACH = 2.0
LEARN = 15 * timerange.SECOND  # so that nothing is missed though clocks differ
FORGET_EACH = 300  # rounds of writing
log = logging.getLogger(__name__)


class RemoteDoor:
    """Answers the machines of some sites, from memory; `folder` keeps what it needs to start.

    `heard` is called with a site's name after something new about its instances was written down.
    """

    def __init__(
        self,
        sites: Mapping[str, Site],
        folder: Path,
        now: Callable[[], int] = timerange.now_ns,
        heard: Callable[[str], None] = lambda site: None,
    ) -> None:
        self._now = now
        self._heard = heard
        self.stopping = asyncio.Event()
        self._desired = Desired([name for name, site in sites.items() if site.remote], folder)
        self.sites = {
            name: RemoteSite(site, site.remote, self._desired)
            for name, site in sites.items()
            if site.remote
        }
        self._sockets = Sockets(now)
        for site in self.sites.values():
            watched("remote agents", site.agents)

    def http(self, name: str, address: str) -> RemoteHttp:
        """Return the application for an address that belongs to a site."""
        here = self.sites[name]
        return RemoteHttp(address, here, self.sites, self._now, self._sockets.serve, self.stopping)

    def grpc(self, name: str, address: str) -> AbstractAsyncContextManager[int]:
        """Serve gRPC on an address that belongs to a site; raises RuntimeError."""
        return serve_sampling(self.sites[name], address, self._now)

    async def start(self) -> None:
        """Read what is in force: until then, every answer would be the default."""
        await self._desired.start()

    async def run(self, stop: asyncio.Event) -> None:
        """Follow what is in force, push it, and write down what agents say, until `stop`."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._desired.follow(stop))
            group.create_task(self._push(stop))
            group.create_task(self._write(stop))

    async def close(self) -> None:
        """Ask every agent to come back in a moment."""
        self.stopping.set()
        await self._sockets.close()

    async def _push(self, stop: asyncio.Event) -> None:
        async for _ in _rounds(stop, PUSH_EACH):
            for site in self.sites.values():
                await self._sockets.push(site)

    async def _write(self, stop: asyncio.Event) -> None:
        failing = False
        async for number in _rounds(stop, WRITE_EACH):
            try:
                await self.write()
                if number % FORGET_EACH == 0:
                    await in_database(reports.forget)
                failing = False
            except (DatabaseError, OpsError) as error:
                if not failing:
                    log.warning("what agents say is kept in memory for now: %s", error)
                failing = True

    async def write(self) -> None:
        """Write down what agents have said since the last time; raises if it cannot.

        Before that, learn what they have said to other processes.
        """
        for name, site in self.sites.items():
            now = self._now()
            site.sweep(now)
            if site.is_unsure(now):
                site.learn(await in_database(partial(reports.proven, name, now - LEARN)), now)
            if agents := site.agents.unwritten(now):
                await in_database(partial(reports.write, name, list(map(_report, agents))))
                is_new = any(agent.is_new for agent in agents)
                site.agents.wrote(agents, now)
                if is_new:
                    self._heard(name)


async def _rounds(stop: asyncio.Event, seconds: float) -> AsyncIterator[int]:
    """Count rounds until `stop` is set, and one more then."""
    number = 0
    while not stop.is_set():
        yield number
        number += 1
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await stop.wait()
    yield number


def _report(agent: Agent) -> Report:
    return Report(
        service=agent.service,
        way=agent.way,
        key=agent.key,
        address=agent.address,
        client=agent.client,
        unauthenticated=agent.unauthenticated,
        one_rate=agent.one_rate,
        first_heard=agent.first_heard,
        heard=agent.heard,
        sent_revision=agent.sent_revision or None,
        sent=agent.sent_policy,
        sent_at=agent.sent_at or None,
        proof=agent.proof,
        proven_revision=agent.proven_revision or None,
        proven_at=agent.proven_at or None,
        said=agent.said,
        reason=agent.reason,
    )
