from collections.abc import Iterator

import pytest
from django.db import connection
from django.db.migrations.recorder import MigrationRecorder
from django.test import AsyncClient

from ops.actor import Actor, Door
from ops.audit import chain
from ops.audit.models import Outcome
from ops.database import in_database
from opsportal import health

pytestmark = pytest.mark.django_db(transaction=True)


async def test_it_is_alive_and_ready(async_client: AsyncClient) -> None:
    assert (await async_client.get("/healthz")).content == b"ok\n"
    response = await async_client.get("/readyz")
    assert (response.status_code, response.content) == (200, b"database: ok\nchannel layer: ok\n")


async def test_it_tells_the_head_of_the_audit_log(async_client: AsyncClient) -> None:
    entry = await in_database(chain.append, Actor(1, "alice", Door.GRPC), "a.b", "t", Outcome.OK)
    body = (await async_client.get("/metrics")).content.decode()
    assert f'opsportal_audit_head{{hash="{entry.hash}"}} 1.0' in body


async def test_it_gives_the_other_metrics_when_the_database_fails(
    async_client: AsyncClient, no_audit_table: None
) -> None:
    response = await async_client.get("/metrics")
    assert response.status_code == 200
    assert b"python_info" in response.content
    assert b"opsportal_audit_head{" not in response.content


@pytest.fixture
def no_audit_table() -> Iterator[None]:
    def rename(old: str, new: str) -> None:
        with connection.cursor() as cursor:
            cursor.execute(f"ALTER TABLE {old} RENAME TO {new}")

    rename("audit_auditentry", "audit_away")
    yield
    rename("audit_away", "audit_auditentry")


@pytest.fixture
def one_migration_less() -> Iterator[None]:
    recorder = MigrationRecorder(connection)
    recorder.record_unapplied("audit", "0002_append_only")
    yield
    recorder.record_applied("audit", "0002_append_only")


async def test_it_is_not_ready_while_migrations_are_missing(
    async_client: AsyncClient, one_migration_less: None
) -> None:
    response = await async_client.get("/readyz")
    assert response.status_code == 503
    sentence = "the database lacks 1 migration (audit.0002_append_only); run: manage.py migrate"
    assert f"database: {sentence}\n" in response.content.decode()


@pytest.fixture
def failing_check() -> Iterator[None]:
    async def check() -> None:
        raise ConnectionError("with a password in it")

    health.also_ready("slack", check)
    yield
    del health.checks["slack"]


async def test_it_is_not_ready_when_a_check_fails_and_tells_no_secret(
    async_client: AsyncClient, failing_check: None
) -> None:
    response = await async_client.get("/readyz")
    assert response.status_code == 503
    assert b"slack: failed; see the log" in response.content
    assert b"password" not in response.content


async def test_it_serves_the_same_as_an_application_of_its_own() -> None:
    sent = []

    async def send(message: dict[str, object]) -> None:
        sent.append(message)

    await health.application({"type": "http", "path": "/healthz"}, None, send)
    await health.application({"type": "http", "path": "/other"}, None, send)
    assert [m["status"] for m in sent if "status" in m] == [200, 404]
