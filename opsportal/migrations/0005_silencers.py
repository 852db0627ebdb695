"""Operators and approvers may silence alerts."""

from importlib import import_module

from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.state import StateApps

SILENCE = ("alerts", "alerts", "silence", "Can silence alerts")
GROUPS = ("operators", "approvers")
groups = import_module("opsportal.migrations.0001_groups")


def allow(apps: StateApps, editor: BaseDatabaseSchemaEditor | None) -> None:
    kept = apps.get_model("auth", "Group").objects.filter(name__in=GROUPS)
    for name in kept.values_list("name", flat=True):  # some may have been deleted
        groups.make_group(apps, name, (SILENCE,))


def forbid(apps: StateApps, editor: BaseDatabaseSchemaEditor) -> None:
    apps.get_model("auth", "Permission").objects.filter(
        content_type__app_label="alerts", codename="silence"
    ).delete()


class Migration(migrations.Migration):
    dependencies = [("opsportal", "0004_older_releases"), ("alerts", "0005_silence")]
    operations = [migrations.RunPython(allow, forbid)]
