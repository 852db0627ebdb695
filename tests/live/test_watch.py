"""Several watchers on PostgreSQL and Redis: one a site, taken over, and read by every process."""

import asyncio
import signal
import sqlite3
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from subprocess import Popen
from typing import TYPE_CHECKING, Any

import grpc.aio
import psycopg
import pytest

from proto.ops import ops_pb2
from proto.ops.ops_pb2_grpc import OpsStub
from tests.fakes.prometheus import FakePrometheus, alert
from tests.live import databases, portals, servers
from tests.ports import free_ports

if TYPE_CHECKING:
    from proto.ops.ops_pb2_grpc import OpsAsyncStub

SITE = """
[[sites.production.prometheus]]
name = "shop-a"
url = "{url}"
"""


@pytest.fixture
async def prometheus() -> AsyncIterator[FakePrometheus]:
    async with FakePrometheus() as server:
        server.rule("Down")
        server.groups[0]["interval"] = 1
        yield server


@dataclass(frozen=True)
class Team:
    """OpsPortal on a database; each process has its own folder and address."""

    portal: portals.Portal
    database: str
    folder: Path

    @contextmanager
    def running(self, command: str, name: str) -> Iterator[Popen[bytes]]:
        health, rpc = (f"127.0.0.1:{port}" for port in free_ports(2))
        environment = {
            **self.portal.environment,
            "OPSPORTAL_HEALTH_ADDRESS": health,
            "OPSPORTAL_GRPC_ADDRESS": rpc,
        }
        own = replace(self.portal, environment=environment, health=health, grpc=rpc)
        place = self.folder / name
        place.mkdir()
        with own.running(command, place) as process:
            yield process

    @property
    def now(self) -> str:
        return "now()"

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        with psycopg.connect(self.database) as connection:
            return connection.execute(query).fetchall()

    async def until(self, query: str, wanted: object) -> None:
        """Wait until a query's first value is as wanted."""

        def holds() -> bool:
            found = self.rows(query)
            return bool(found) and found[0][0] == wanted

        await asyncio.to_thread(servers.until, holds, f"{query} is {wanted}")

    async def holder(self, *, not_: str = "") -> str:
        """Wait until somebody else than `not_` holds the site, and return who."""

        def holds() -> str:
            holders = f"SELECT holder FROM watch_watchedsite WHERE lease_until > {self.now}"
            found = self.rows(holders)
            return found[0][0] if found and found[0][0] != not_ else ""

        return await asyncio.to_thread(servers.until, holds, "somebody watches")


class SmallTeam(Team):
    """OpsPortal on a SQLite file, without Redis."""

    @property
    def now(self) -> str:
        return "strftime('%Y-%m-%d %H:%M:%f', 'now')"

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        with closing(sqlite3.connect(self.database)) as connection:
            return connection.execute(query).fetchall()


@pytest.fixture
def small_team(tmp_path: Path, prometheus: FakePrometheus) -> SmallTeam:
    sites = SITE.format(url=prometheus.url)
    portal = portals.portal(tmp_path, sites, OPSPORTAL_POLL_SECONDS="1")
    return SmallTeam(portal, str(tmp_path / "db.sqlite3"), tmp_path)


@pytest.fixture
def team(tmp_path: Path, redis: str, prometheus: FakePrometheus) -> Iterator[Team]:
    with databases.postgresql() as database:
        portal = portals.portal(
            tmp_path,
            SITE.format(url=prometheus.url),
            DATABASE_URL=database,
            REDIS_URL=redis,
            OPSPORTAL_POLL_SECONDS="1",
        )
        yield Team(portal, database, tmp_path)


def of(holder: str, *processes: Popen[bytes]) -> Popen[bytes]:
    """The process that holds: its id is in the name."""
    [found] = [each for each in processes if f"-{each.pid}-" in holder]
    return found


OPEN = 'SELECT count(*) FROM alerts_alertperiod WHERE "end" IS NULL'
ALL = "SELECT count(*) FROM alerts_alertperiod"


async def started(stack: ExitStack, team: Team, command: str, name: str) -> Popen[bytes]:
    return await asyncio.to_thread(stack.enter_context, team.running(command, name))


@pytest.mark.parametrize("kind", ["team", "small_team"])
async def test_another_takes_over_from_one_that_was_killed(
    kind: str, request: pytest.FixtureRequest, prometheus: FakePrometheus
) -> None:
    team: Team = request.getfixturevalue(kind)
    with ExitStack() as stack:
        both = [await started(stack, team, "watch", name) for name in ("one", "two")]
        leader = await team.holder()
        of(leader, *both).kill()
        await team.holder(not_=leader)
        prometheus.groups[0]["rules"][0]["alerts"] = [alert("Down")]
        await team.until(OPEN, 1)
        [(epochs,)] = team.rows("SELECT count(*) FROM watch_watched")
        assert epochs == 2
        await asyncio.to_thread(stack.close)


async def test_one_that_stood_still_writes_nothing_when_it_wakes_up(
    team: Team, prometheus: FakePrometheus
) -> None:
    with ExitStack() as stack:
        both = [await started(stack, team, "watch", name) for name in ("one", "two")]
        prometheus.groups[0]["rules"][0]["alerts"] = [alert("Down", pod="one")]
        await team.until(OPEN, 1)
        leader = await team.holder()
        stopped = of(leader, *both)
        stopped.send_signal(signal.SIGSTOP)
        try:
            await team.holder(not_=leader)
            prometheus.groups[0]["rules"][0]["alerts"] = [alert("Down", pod="two")]
            await team.until(ALL, 2)
            await team.until(OPEN, 1)
        finally:
            stopped.send_signal(signal.SIGCONT)
        name = "one" if stopped is both[0] else "two"
        log = team.folder / name / "log"
        await asyncio.to_thread(
            servers.until,
            lambda: "the lease on production is over" in log.read_text(),
            "it gives up",
        )
        assert team.rows(ALL) == [(2,)]
        assert team.rows(OPEN) == [(1,)]
        await asyncio.to_thread(stack.close)


async def test_other_processes_read_the_picture_and_ask_nobody(
    team: Team, prometheus: FakePrometheus
) -> None:
    token = await asyncio.to_thread(team.portal.person, "olga", "operators")
    metadata = (("authorization", f"Bearer {token}"),)
    prometheus.groups[0]["rules"][0]["alerts"] = [alert("Down")]
    # So long that the watcher polls once in this test, and the picture stays young.
    slow = replace(
        team, portal=replace(team.portal, environment={
            **team.portal.environment, "OPSPORTAL_POLL_SECONDS": "60",
        })
    )  # fmt: skip
    with ExitStack() as stack:
        await started(stack, slow, "watch", "watch")
        await team.until(OPEN, 1)
        polled = len(prometheus.paths)
        health, rpc = (f"127.0.0.1:{port}" for port in free_ports(2))
        reader = replace(
            slow.portal,
            environment={
                **slow.portal.environment,
                "OPSPORTAL_HEALTH_ADDRESS": health,
                "OPSPORTAL_GRPC_ADDRESS": rpc,
            },
            health=health,
        )
        place = team.folder / "rpc"
        place.mkdir()
        await asyncio.to_thread(stack.enter_context, reader.running("rungrpc", place))
        async with grpc.aio.insecure_channel(rpc) as channel:
            stub: OpsAsyncStub = OpsStub(channel)
            answers = [await stub.Alerts(ops_pb2.AlertsReq(), metadata=metadata) for _ in range(20)]
        assert {answer.alerts[0].name for answer in answers} == {"Down"}
        assert len(prometheus.paths) == polled
        await asyncio.to_thread(stack.close)
