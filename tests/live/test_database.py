"""A crowd at a small pool, and a database that restarts, is away or hangs: what each door says."""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from secrets import token_hex
from typing import TYPE_CHECKING

import grpc
import httpx
import psycopg
import pytest

from proto.ops import ops_pb2
from proto.ops.ops_pb2_grpc import OpsStub
from tests.bench import crowd
from tests.live import databases, portals, servers

if TYPE_CHECKING:
    from proto.ops.ops_pb2_grpc import OpsStub as Stub

SITES = """
[sites.shop]
[sites.shop.jaeger]
address = "{jaeger}"
[[sites.shop.prometheus]]
url = "{prometheus}"
[sites.shop.services.checkout]
instances = ["127.0.0.1:1"]
"""
AWAY = "the database does not answer; try again in a few seconds"


@dataclass(frozen=True)
class Team:
    """OpsPortal on a PostgreSQL of its own, and people who are logged in."""

    database: databases.PostgreSQL
    portal: portals.Portal
    people: list[crowd.Person]

    def opens(self, path: str, person: int = 0) -> httpx.Response:
        cookies = {"sessionid": self.people[person].session}
        return httpx.get(f"http://{self.portal.web}{path}", cookies=cookies, timeout=30)

    def calls(self, token: str = "") -> str:
        """Return the status and words of a gRPC call; by default with a token not seen before."""
        with grpc.insecure_channel(self.portal.grpc) as channel:
            stub: Stub = OpsStub(channel)
            metadata = (("authorization", f"Bearer {token or 'ops_' + token_hex(20)}"),)
            call = stub.Alerts.future(ops_pb2.AlertsReq(), metadata=metadata, timeout=30)
            return f"{call.code().name} {call.details()}"

    def changes(self, token: str) -> str:
        """Change sampling, on an instance that is not there; return the status and words."""
        return self.portal.change_sampling(token)

    def says(self) -> list[str]:
        """Ask at every door whom the database must know, and return what each says."""
        with httpx.Client(base_url=f"http://{self.portal.web}", timeout=30) as stranger:
            form = {"username": "x", "password": "y", "csrfmiddlewaretoken": "t" * 32}
            stranger.cookies["csrftoken"] = "t" * 32
            posted = stranger.post("/account/login/", data=form)
        pages = [self.opens("/"), self.opens("/admin/"), self.opens("/account/"), posted]
        return [*(f"{page.status_code}: {page.text}" for page in pages), self.calls()]


@pytest.fixture(scope="module")
def team(tmp_path_factory: pytest.TempPathFactory, jaeger: servers.Jaeger) -> Iterator[Team]:
    folder = tmp_path_factory.mktemp("team")
    with (
        databases.cluster() as database,
        servers.prometheus(tmp_path_factory.mktemp("none"), [], "{}") as prometheus,
    ):
        sites = SITES.format(jaeger=jaeger.query, prometheus=prometheus)
        portal = portals.portal(folder, sites, DATABASE_URL=database.url)
        people = crowd.people(portal, 60)
        with portal.running("serve", folder):
            yield Team(database, portal, people)


@pytest.mark.parametrize("count", [24, 60])
async def test_it_serves_a_crowd_with_the_default_pool(team: Team, count: int) -> None:
    browsers, callers = team.people[:count], team.people[count:][:10]
    answers = await crowd.at_once(team.portal, browsers, callers, crowd.EVERYWHERE)
    assert answers.failed == 0, answers.statuses


def test_it_goes_on_after_a_restart_of_the_database(team: Team) -> None:
    for person in range(20):  # so that there are connections to lose
        assert team.opens("/", person).status_code == 200
    team.database.restart()
    # Whatever asks during the restart finds the database away, and half a second later back.
    servers.until(lambda: team.opens("/sampling/").status_code == 200, "the database is back")
    for person in range(20):
        assert team.opens("/sampling/", person).status_code == 200
    assert team.calls(team.people[0].token) == "OK "


def test_it_notices_connections_that_the_database_closed_a_moment_ago(team: Team) -> None:
    with psycopg.connect(team.database.url, autocommit=True) as somebody:
        for person in range(20):
            assert team.opens("/sampling/", person).status_code == 200
            somebody.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE backend_type = 'client backend' AND state = 'idle'"
                " AND pid <> pg_backend_pid()"
            )
            assert team.opens("/account/", person).status_code == 200


def test_it_says_at_every_door_that_the_database_is_away_and_is_back_with_it(team: Team) -> None:
    team.database.stop()
    try:
        said = team.says()
        ready = team.opens("/readyz")
        alive = team.opens("/healthz")
    finally:
        team.database.start()
    assert [each for each in said if AWAY not in each] == []
    assert [each[:3] for each in said] == ["503"] * 4 + ["UNA"]
    assert all("Database unavailable" in each for each in said[:4])
    assert (ready.status_code, alive.status_code) == (503, 200)
    assert AWAY in ready.text
    servers.until(lambda: team.opens("/").status_code == 200, "the database is back")
    assert team.calls(team.people[1].token) == "OK "


def test_it_says_so_of_a_database_that_hangs_while_it_hangs(team: Team) -> None:
    assert team.opens("/").status_code == 200
    with team.database.frozen():
        said = team.says()
        assert team.opens("/healthz").status_code == 200
    assert [each for each in said if AWAY not in each] == []
    servers.until(lambda: team.opens("/").status_code == 200, "the database is back")


async def test_it_tells_a_crowd_behind_a_lock_to_try_again_while_it_is_held(team: Team) -> None:
    with psycopg.connect(team.database.url) as somebody:
        somebody.execute("LOCK TABLE django_session IN ACCESS EXCLUSIVE MODE")
        answers = await crowd.at_once(team.portal, team.people[:40], pages=crowd.EVERYWHERE)
        admin = await asyncio.to_thread(team.opens, "/admin/")
        alive = await asyncio.to_thread(team.opens, "/healthz")
    assert answers.statuses == {"503": 40}
    assert admin.status_code == 503 and "OpsPortal is busy" in admin.text
    assert alive.status_code == 200
    assert team.opens("/").status_code == 200


def test_it_closes_what_was_given_up_while_the_database_hung(team: Team) -> None:
    operator = team.people[2].token
    assert team.calls(operator) == "OK "  # who it is need not be asked in the next seconds
    with team.database.frozen():
        said = team.changes(operator)
    assert said.startswith("UNAVAILABLE nothing was ")
    servers.until(lambda: team.opens("/").status_code == 200, "the database is back")

    def outcomes() -> list[str]:
        with psycopg.connect(team.database.url) as connection:
            rows = connection.execute("SELECT outcome FROM audit_auditentry ORDER BY seq")
            return [outcome for (outcome,) in rows]

    found = outcomes()
    assert found.count("started") == found.count("failed")
    servers.until(lambda: team.changes(operator).startswith("ABORTED"), "a change is made again")
    assert outcomes()[-2:] == ["started", "failed"]
