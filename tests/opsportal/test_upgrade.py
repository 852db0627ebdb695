"""What an older release does goes on working on the newest tables, after `migrate`.

Old code is played by the models as the migrations knew them at every earlier moment: they
insert without newer columns, and delete without knowing which newer tables point at a row.
"""

import itertools
from datetime import UTC, datetime
from typing import Any

import pytest
from django.apps import apps as installed
from django.apps.registry import Apps
from django.core.exceptions import FieldDoesNotExist
from django.db import connection, models
from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.state import ProjectState

PACKAGES = ("ops", "bot", "opsportal")
OURS = {each.label for each in installed.get_app_configs() if each.name.split(".")[0] in PACKAGES}
# Rows that no release deletes: PostgreSQL refuses it.
KEPT = {"audit.auditentry"}
# Words that columns got before the first release, so that no release fails to read them.
BEFORE_RELEASES = {
    ("bot.ReceivedEvent", "state", "unknown"),
    ("requests.ChangeRequest", "state", "refused"),
    ("requests.ChangeRequest", "strategy", "per_second"),
}
pytestmark = pytest.mark.django_db
_numbers = itertools.count(1)


def states() -> list[tuple[str, ProjectState]]:
    """What the project looked like before each of our migrations, and as it is now."""
    executor = MigrationExecutor(None)
    plan = executor.migration_plan(executor.loader.graph.leaf_nodes(), clean_start=True)
    state, found = ProjectState(), []
    for migration, _ in plan:
        if migration.app_label in OURS:
            found.append((f"before {migration}", state))
        state = migration.mutate_state(state, preserve=True)
    return [*found, ("now", state)]


STATES = states()
NOW = STATES[-1][1]


def ours(apps: Apps) -> list[type[models.Model]]:
    """Our models that have rows, those that are pointed at before those that point."""
    found = [
        model
        for model in apps.get_models()
        if model._meta.app_label in OURS and model._meta.managed
    ]
    return sorted(found, key=lambda model: sum(field.is_relation for field in _fields(model)))


def _fields(model: type[models.Model]) -> list[Any]:
    return [*model._meta.concrete_fields]


def insert(apps: Apps, model: type[models.Model]) -> models.Model:
    """A row with a value in every column that the model knows and that has no default."""
    values = {
        field.name: _value(apps, field)
        for field in _fields(model)
        if not (field.has_default() or isinstance(field, models.AutoField))
    }
    row = model(**values)
    row.save(force_insert=True)
    return row


def _value(apps: Apps, field: Any) -> Any:
    number = next(_numbers)
    if isinstance(field, models.ForeignKey):
        return apps.get_model(field.related_model._meta.label).objects.latest("pk")
    if isinstance(field, models.DateTimeField):
        return datetime(2026, 11, 29, tzinfo=UTC)
    if isinstance(field, models.BooleanField):
        return True
    if isinstance(field, models.PositiveSmallIntegerField):
        return number % 10_000  # PostgreSQL's end at 32,767
    if isinstance(field, models.FloatField | models.IntegerField):
        return number
    return f"{number}"


def fill(apps: Apps) -> None:
    """A person, and a row in every table, all of them this person's where they are anybody's."""
    apps.get_model("auth", "User").objects.create(username=f"olga{next(_numbers)}")
    for model in ours(apps):
        insert(apps, model)


@pytest.mark.parametrize(("name", "state"), STATES, ids=[name for name, _ in STATES])
def test_it_takes_the_rows_of_older_code(name: str, state: ProjectState) -> None:
    fill(state.apps)
    connection.check_constraints()


@pytest.mark.parametrize(("name", "state"), STATES, ids=[name for name, _ in STATES])
def test_it_lets_older_code_delete_people(name: str, state: ProjectState) -> None:
    fill(NOW.apps)
    state.apps.get_model("auth", "User").objects.all().delete()
    connection.check_constraints()
    for model in ours(NOW.apps):
        for field in _fields(model):
            if field.related_model is NOW.apps.get_model("auth", "User"):
                assert not model._default_manager.exclude(**{field.name: None}).exists()


@pytest.mark.parametrize(("name", "state"), STATES, ids=[name for name, _ in STATES])
def test_it_lets_older_code_delete_its_own_rows(name: str, state: ProjectState) -> None:
    fill(NOW.apps)
    for model in ours(state.apps):
        if model._meta.label_lower not in KEPT:
            model._default_manager.all().delete()
            connection.check_constraints()


def test_no_column_gets_a_word_that_older_code_cannot_read() -> None:
    new = {
        (model._meta.label, field.name, word)
        for _, state in STATES
        for model in ours(state.apps)
        for field in _fields(model)
        if field.choices
        for word in _words(NOW.apps, model, field.name) - {word for word, _ in field.choices}
    }
    assert new == BEFORE_RELEASES, "it needs a column of its own, which older code does not read"


def _words(apps: Apps, model: type[models.Model], column: str) -> set[str]:
    """The words that a column may have; none if it does not exist any more."""
    try:
        field = apps.get_model(model._meta.label)._meta.get_field(column)
    except (LookupError, FieldDoesNotExist):
        return set()
    return {word for word, _ in getattr(field, "choices", None) or ()}


def test_every_foreign_key_has_its_rule_in_the_database() -> None:
    """A key to a table that no release deletes from today may be deleted from tomorrow."""
    keys = [
        (model._meta.db_table, field.column, field.remote_field.on_delete)
        for model in ours(NOW.apps)
        for field in _fields(model)
        if isinstance(field, models.ForeignKey)
    ]
    assert len(keys) >= 5
    said = {
        (table, column): rule
        for table in {table for table, _, _ in keys}
        for column, rule in rules(table)
    }
    meant: dict[Any, str] = {models.CASCADE: "CASCADE", models.SET_NULL: "SET NULL"}
    wanted = {(table, column): meant[rule] for table, column, rule in keys}
    assert said == wanted, "the migration that made or rebuilt the table needs ops.schema.OnDelete"


def rules(table: str) -> list[tuple[str, str]]:
    """The columns of a table that point elsewhere, and what happens when that is deleted."""
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            cursor.execute(f"PRAGMA foreign_key_list({table})")
            return [(row[3], row[6]) for row in cursor.fetchall()]
        cursor.execute(
            "SELECT a.attname, CASE c.confdeltype WHEN 'c' THEN 'CASCADE' WHEN 'n' THEN 'SET NULL'"
            " ELSE 'none' END FROM pg_constraint c JOIN pg_attribute a ON a.attrelid = c.conrelid"
            " AND a.attnum = ANY (c.conkey) WHERE c.contype = 'f' AND c.conrelid = %s::regclass",
            [table],
        )
        return [(str(column), str(rule)) for column, rule in cursor.fetchall()]
