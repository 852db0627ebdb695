from collections.abc import AsyncIterator

import pytest
from django.db import connection

from ops.actor import Actor
from ops.database import in_database


@pytest.fixture
async def no_audit_table(operator: Actor) -> AsyncIterator[None]:
    def rename(old: str, new: str) -> None:
        with connection.cursor() as cursor:
            cursor.execute(f"ALTER TABLE {old} RENAME TO {new}")

    await in_database(rename, "audit_auditentry", "audit_away")
    yield
    await in_database(rename, "audit_away", "audit_auditentry")
