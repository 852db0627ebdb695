"""Identities that were made before they moved here are still there."""

from collections.abc import Iterator

import pytest
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from ops.accounts.models import Identity
from tests.conftest import Person

CONTENT_TYPES = ("contenttypes", "0002_remove_content_type_name")
BOT = ("bot", "0003_sender")
pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def before(person: Person) -> Iterator[MigrationExecutor]:
    """The database as it was, and as it is again when the test ends."""
    executor = MigrationExecutor(connection)
    latest = executor.loader.graph.leaf_nodes()
    executor.migrate([("people", None), BOT])
    try:
        yield MigrationExecutor(connection)
    finally:
        MigrationExecutor(connection).migrate(latest)


def test_identities_and_the_right_to_change_them_move(
    before: MigrationExecutor, person: Person
) -> None:
    olga = person("olga")
    old = before.loader.project_state([BOT, CONTENT_TYPES]).apps
    assert "people_linkcode" not in connection.introspection.table_names()
    old.get_model("bot", "Identity").objects.create(
        slack_user_id="U0ALICE01", slack_team_id="T0ACME001", user_id=olga.pk
    )
    types = old.get_model("contenttypes", "ContentType").objects
    types.filter(model="identity").delete()
    kept = types.create(app_label="bot", model="identity")

    before.migrate(before.loader.graph.leaf_nodes())
    identity = Identity.objects.get()
    assert (identity.account.key, identity.user) == ("T0ACME001/U0ALICE01", olga)
    assert (identity.name, identity.workspace) == ("", "")
    kept.refresh_from_db()
    assert kept.app_label == "people"
