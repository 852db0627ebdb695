"""The group of users who may also apply changes that others ask for."""

from importlib import import_module

from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.state import StateApps

GROUP = "approvers"
APPROVE = (
    "sampling", "change", "approve_change", "Can make sampling changes that others asked for",
)  # fmt: skip
groups = import_module("opsportal.migrations.0001_groups")


def make_group(apps: StateApps, editor: BaseDatabaseSchemaEditor | None) -> None:
    groups.make_group(apps, GROUP, (*groups.READ, *groups.CHANGE, APPROVE))


def remove_group(apps: StateApps, editor: BaseDatabaseSchemaEditor) -> None:
    apps.get_model("auth", "Group").objects.filter(name=GROUP).delete()


class Migration(migrations.Migration):
    dependencies = [
        ("opsportal", "0002_recent_searches"),
        ("sampling", "0002_approve_change"),
    ]
    operations = [migrations.RunPython(make_group, remove_group)]
