"""The audit log on a real PostgreSQL, and who changed what through which door."""

import re
import subprocess
import sys

import psycopg
import pytest

from tests.live import portals, servers
from tests.live.conftest import Person

WRITERS, ROWS = 4, 50
WRITE = f"""
from ops.actor import Actor, Door
from ops.audit import chain
from ops.audit.models import Outcome
for number in range({ROWS}):
    chain.append(Actor(None, "writer", Door.CONSOLE), "test.write", str(number), Outcome.OK)
"""

EXPLAIN = """
from django.db import connection, transaction
from ops.audit.reading import AuditFilter, _selected
with transaction.atomic():
    connection.cursor().execute("SET LOCAL enable_seqscan = off")
    print(_selected(AuditFilter(target="petstore")).explain())
"""


def rows(portal: portals.Portal) -> int:
    """Verify the chain; returns how many rows it has."""
    said = re.match(r"(\d+) rows? verified", portal.manage("audit_verify"))
    assert said
    return int(said[1])


@pytest.mark.parametrize("database", ["postgresql", "sqlite"])
def test_it_takes_rows_of_several_processes_at_once(
    database: str, tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> None:
    portal: portals.Portal
    if database == "postgresql":
        portal = request.getfixturevalue("portal")
    else:
        portal = portals.portal(tmp_path_factory.mktemp("audit"), sites="")
    before = rows(portal)
    command = [sys.executable, f"{servers.ROOT}/manage.py", "shell", "--command", WRITE]
    writers = [subprocess.Popen(command, env=portal.environment) for _ in range(WRITERS)]
    assert [writer.wait(servers.PATIENCE) for writer in writers] == [0] * WRITERS
    assert rows(portal) == before + WRITERS * ROWS


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit_auditentry SET actor = 'mallory' WHERE seq = 1",
        "DELETE FROM audit_auditentry WHERE seq = 1",
        "TRUNCATE audit_auditentry",
    ],
)
def test_it_takes_no_row_back(statement: str, portal: portals.Portal, postgresql: str) -> None:
    portal.manage("shell", "--command", WRITE)
    with psycopg.connect(postgresql) as connection, pytest.raises(psycopg.Error, match="append"):
        connection.execute(statement)


def test_it_has_a_row_for_intent_and_outcome_of_each_door(operator: Person) -> None:
    operator.says("change sampling always now")
    form = {"service": "petstore", "strategy": "always", "rate": ""}
    operator.submits("/sampling/change/", **form)
    page = operator.opens("/admin/audit/auditentry/", q="action=sampling.change_policy actor=olga")
    for door in ("console", "browser"):
        for outcome in ("started", "ok"):
            assert re.search(
                rf"olga {door} sampling.change_policy live/petstore \S* ?{outcome}", page
            )


def test_it_finds_a_service_of_any_site_by_an_index(portal: portals.Portal) -> None:
    plan = portal.manage("shell", "--command", EXPLAIN)
    assert "Index Scan on audit_service" in plan
    assert plan.count("Index Cond") == 2
