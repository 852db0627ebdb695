"""Operators and approvers may acknowledge alerts, subscribe channels and work on incidents.

Viewers may see incidents.
"""

from importlib import import_module

from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.state import StateApps
from django.db.models import Q

SEE = (("incidents", "incidents", "view_incidents", "Can see incidents"),)
WORK = (
    ("alerts", "alerts", "acknowledge", "Can acknowledge alerts"),
    ("alerts", "alerts", "subscribe", "Can subscribe channels to alerts"),
    ("incidents", "incidents", "work", "Can open, write in and close incidents"),
)
GROUPS = {"viewers": SEE, "operators": SEE + WORK, "approvers": SEE + WORK}
groups = import_module("opsportal.migrations.0001_groups")


def allow(apps: StateApps, editor: BaseDatabaseSchemaEditor | None) -> None:
    kept = apps.get_model("auth", "Group").objects.filter(name__in=GROUPS)
    for name in kept.values_list("name", flat=True):  # some may have been deleted
        groups.make_group(apps, name, GROUPS[name])


def forbid(apps: StateApps, editor: BaseDatabaseSchemaEditor) -> None:
    alerts = Q(content_type__app_label="alerts", codename__in=("acknowledge", "subscribe"))
    incidents = Q(content_type__app_label="incidents", codename__in=("view_incidents", "work"))
    apps.get_model("auth", "Permission").objects.filter(alerts | incidents).delete()


class Migration(migrations.Migration):
    dependencies = [
        ("opsportal", "0005_silencers"),
        ("alerts", "0006_on_call"),
        ("incidents", "0001_initial"),
    ]
    operations = [migrations.RunPython(allow, forbid)]
