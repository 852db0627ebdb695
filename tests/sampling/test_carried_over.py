"""What older releases have sent is history of the new tables, with the same numbers."""

from datetime import UTC, datetime
from importlib import import_module
from types import SimpleNamespace
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.contrib.contenttypes.models import ContentType
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from ops.sampling import store
from ops.sampling.models import Instance, Revision
from ops.sampling.proof import Proof
from ops.sampling.revisions import Setting
from ops.vocabulary.policies import ALWAYS, rate
from ops.vocabulary.spreads import Spread
from tests.conftest import Person, actor_of

pytestmark = pytest.mark.django_db(transaction=True)
AT = datetime(2026, 11, 29, tzinfo=UTC)


@pytest.fixture
def change() -> Any:
    """Make a change as the release before did: `change(policy, {address: why not})`."""
    before = MigrationExecutor(None).loader.project_state(("sampling", "0003_older_releases"))
    changes = before.apps.get_model("sampling", "Change").objects
    deliveries = before.apps.get_model("sampling", "Delivery").objects
    changes.all().delete()

    def make(strategy: str, rate: float, **answers: str) -> int:
        found = changes.create(
            site="demo", service="petstore", previous="unknown", strategy=strategy, rate=rate,
            actor="olga", door="slack", request_id="0123456789abcdef",
        )  # fmt: skip
        changes.filter(id=found.id).update(at=AT)
        for address, reason in answers.items():
            deliveries.create(change=found, address=address, confirmed=not reason, reason=reason)
        return int(found.id)

    yield make
    changes.all().delete()  # no longer one of the tables that are emptied after a test


def carry_over() -> None:
    migration: Any = import_module("ops.sampling.migrations.0004_revisions")
    migration.carry_over(
        SimpleNamespace(get_model=lambda *_: ContentType), SimpleNamespace(connection=connection)
    )


def test_it_keeps_every_change_and_the_last_answer_of_each_instance(change: Any) -> None:
    first = change("rate", 0.1, a="", b="it said no")
    second = change("always", 1, a="it is away")
    change("never", 0)
    carry_over()
    never, always, tenth = store.past_changes("demo", "petstore", 10)
    assert (tenth.revision, tenth.policy, tenth.at, tenth.actor) == (first, rate(0.1), AT, "olga")
    assert [(each.address, each.reason) for each in tenth.instances] == [
        ("a", ""),
        ("b", "it said no"),
    ]
    assert (always.revision, always.confirmed, never.instances) == (second, 0, ())
    a, b = Instance.objects.order_by("address")
    assert (a.sent, a.sent_revision, a.proof, a.proven_revision) == (
        ALWAYS,
        second,
        Proof.SILENT,
        None,
    )
    assert (b.sent, b.sent_revision, b.reason) == (rate(0.1), first, "it said no")


def test_nobody_is_sent_it_again_but_new_revisions_come_after_it(
    change: Any, person: Person
) -> None:
    last = change("always", 1, a="")
    carry_over()
    assert store.current("demo", {"petstore": ["a"]})["petstore"].in_force is None
    found = store.in_force_at("demo", "petstore", AT)
    assert found and found.policy == ALWAYS
    olga = actor_of(person("olga"))
    made = store.begin(olga, "demo", "petstore", Setting(0, 0, rate(0.1)), Spread())
    assert made.id > last
    now = store.current("demo", {"petstore": ["a"]})["petstore"].in_force
    assert now and now.revision == made.id


def test_groups_keep_their_permissions(change: Any, person: Person) -> None:
    olga = person("olga", "operators")
    carry_over()
    assert olga.has_perm("sampling.change_policy")
    kinds = Permission.objects.filter(content_type__app_label="sampling").values_list(
        "content_type__model", flat=True
    )
    assert {*kinds} == {"revision"}
    assert Revision._meta.model_name == "revision"
