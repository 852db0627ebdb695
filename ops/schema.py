"""Schema details that keep the previous release working after `migrate`.

The previous release does not know newer tables and columns: it deletes a user without deleting
the rows that refer to them, and inserts rows without the new columns. The database has to handle
both: foreign keys carry their rule (`OnDelete`), and new columns have a `db_default`.
"""

from typing import Any, ClassVar

from django.db import models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.operations.base import Operation
from django.db.migrations.state import ProjectState

RULES = {models.CASCADE: "ON DELETE CASCADE", models.SET_NULL: "ON DELETE SET NULL"}


class OnDelete(Operation):
    """Give a foreign key its `on_delete` rule in the database too.

    Django does not write the rule to the database. On SQLite, any later migration that alters
    the table rebuilds it without the rule, so that migration needs this operation again.
    """

    reversible = True
    atomic = True
    elidable: ClassVar[bool] = False

    def __init__(self, model_name: str, field_name: str) -> None:
        self.model_name = model_name
        self.field_name = field_name

    def state_forwards(self, app_label: str, state: ProjectState) -> None:
        """Change nothing: the models already have the rule."""

    def database_forwards(
        self,
        app_label: str,
        schema_editor: BaseDatabaseSchemaEditor,
        from_state: ProjectState,
        to_state: ProjectState,
    ) -> None:
        field = self._field(app_label, to_state)
        _rewrite(schema_editor, field, RULES[field.remote_field.on_delete])

    def database_backwards(
        self,
        app_label: str,
        schema_editor: BaseDatabaseSchemaEditor,
        from_state: ProjectState,
        to_state: ProjectState,
    ) -> None:
        _rewrite(schema_editor, self._field(app_label, to_state), "")

    def describe(self) -> str:
        return f"Add the on_delete rule of {self.model_name}.{self.field_name} to the database"

    def _field(self, app_label: str, state: ProjectState) -> Any:
        return state.apps.get_model(app_label, self.model_name)._meta.get_field(self.field_name)


def _rewrite(editor: BaseDatabaseSchemaEditor, field: Any, rule: str) -> None:
    rewrite = _on_postgresql if editor.connection.vendor == "postgresql" else _on_sqlite
    rewrite(editor, field, f"{rule} DEFERRABLE INITIALLY DEFERRED")


def _on_postgresql(editor: BaseDatabaseSchemaEditor, field: Any, rule: str) -> None:
    # Django adds the constraints of a new table at the end of its migration; we need them now.
    while editor.deferred_sql:
        editor.execute(editor.deferred_sql.pop(0), None)
    quoted, table = editor.quote_name, field.model._meta.db_table
    with editor.connection.cursor() as cursor:
        every = editor.connection.introspection.get_constraints(cursor, table)
    [name] = [
        name
        for name, each in every.items()
        if each["foreign_key"] and each["columns"] == [field.column]
    ]
    there = field.target_field
    editor.execute(
        f"ALTER TABLE {quoted(table)} DROP CONSTRAINT {quoted(name)}, "
        f"ADD CONSTRAINT {quoted(name)} FOREIGN KEY ({quoted(field.column)}) "
        f"REFERENCES {quoted(there.model._meta.db_table)} ({quoted(there.column)}) {rule}"
    )


def _on_sqlite(editor: Any, field: Any, rule: str) -> None:
    """Rebuild the table, as Django itself does whenever it alters a column."""
    plain = editor.sql_create_inline_fk
    editor.sql_create_inline_fk = f"REFERENCES %(to_table)s (%(to_column)s) {rule}"
    try:
        editor._remake_table(field.model)
    finally:
        editor.sql_create_inline_fk = plain
