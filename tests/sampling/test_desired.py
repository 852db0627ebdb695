"""What is in force is known without asking the database, and also while that is away."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from django.db import connection

from ops.actor import Actor
from ops.database import in_database
from ops.sampling import store
from ops.sampling.desired import Desired
from ops.sampling.revisions import Setting
from ops.vocabulary import timerange
from ops.vocabulary.policies import ALWAYS, NEVER, Policy, per_second, rate
from ops.vocabulary.spreads import Spread

pytestmark = pytest.mark.django_db(transaction=True)


async def begin(actor: Actor, policy: Policy, **of: Any) -> None:
    made = Setting(0, 0, policy, **of)
    await in_database(store.begin, actor, "demo", "petstore", made, Spread())


def policy(desired: Desired, service: str = "petstore", later: int = 0) -> Policy | None:
    found = desired.of("demo", service, timerange.now_ns() + later)
    return found.policy if found else None


async def test_it_follows_each_revision(operator: Actor, tmp_path: Path) -> None:
    desired = Desired(["demo"], tmp_path)
    await desired.start()
    assert policy(desired) is None
    await begin(operator, per_second(5))
    assert await desired.refresh()
    assert policy(desired) == per_second(5)
    assert policy(desired, "orders") is None
    await begin(operator, ALWAYS, until=timerange.now_ns() + timerange.MINUTE)
    assert await desired.refresh()
    assert policy(desired) == ALWAYS
    assert policy(desired, later=timerange.MINUTE) == per_second(5)


async def test_it_starts_from_its_file_while_the_database_is_away(
    operator: Actor, tmp_path: Path
) -> None:
    desired = Desired(["demo", "new"], tmp_path)
    whole = rate(0.1).by_operation({"GET /": 0.5, "GET /pets": 0})
    await begin(operator, whole)
    await begin(operator, ALWAYS, until=timerange.now_ns() + timerange.MINUTE)
    await desired.start()
    async with no_revisions():
        assert not await desired.refresh()
        again = Desired(["demo", "new"], tmp_path)
        await again.start()
        for each in (desired, again):
            assert policy(each) == ALWAYS
            assert policy(each, later=timerange.MINUTE) == whole
    await begin(operator, NEVER)
    assert await again.refresh()
    assert policy(again) == NEVER


@asynccontextmanager
async def no_revisions() -> AsyncIterator[None]:
    def rename(old: str, new: str) -> None:
        with connection.cursor() as cursor:
            cursor.execute(f"ALTER TABLE {old} RENAME TO {new}")

    await in_database(rename, "sampling_revision", "revisions_away")
    yield
    await in_database(rename, "revisions_away", "sampling_revision")


@pytest.mark.parametrize("text", ["", "{", '{"petstore": [{"number": "x"}]}', "\0", "[]"])
async def test_a_file_that_cannot_be_read_is_none(
    tmp_path: Path, text: str, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "demo.json").write_text(text)
    desired = Desired(["demo"], tmp_path)
    async with no_revisions():
        await desired.start()
    assert policy(desired) is None
    assert "demo.json cannot be read" in caplog.text
