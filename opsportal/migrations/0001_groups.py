"""The three groups: viewers read, operators change, auditors read the audit log."""

from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.state import StateApps

READ = (
    ("traces", "traces", "view_traces", "Can see traces"),
    ("alerts", "alerts", "view_alerts", "Can see alerts"),
    ("versions", "versions", "view_versions", "Can see versions"),
    ("overview", "overview", "view_overview", "Can see the overview"),
    ("sampling", "change", "view_sampling", "Can see sampling"),
)
CHANGE = (("sampling", "change", "change_policy", "Can change sampling policies"),)
AUDIT = (("audit", "auditentry", "view_auditentry", "Can view audit entry"),)
GROUPS = {"viewers": READ, "operators": READ + CHANGE, "auditors": AUDIT}


def make_groups(apps: StateApps, editor: BaseDatabaseSchemaEditor) -> None:
    for name, permissions in GROUPS.items():
        make_group(apps, name, permissions)


def make_group(apps: StateApps, name: str, permissions: tuple[tuple[str, ...], ...]) -> None:
    ContentType = apps.get_model("contenttypes", "ContentType")
    Permission = apps.get_model("auth", "Permission")
    group, _ = apps.get_model("auth", "Group").objects.get_or_create(name=name)
    for app, model, codename, label in permissions:
        # Django makes permissions only after all migrations; it keeps the ones it finds.
        content_type, _ = ContentType.objects.get_or_create(app_label=app, model=model)
        permission, _ = Permission.objects.get_or_create(
            content_type=content_type, codename=codename, defaults={"name": label}
        )
        group.permissions.add(permission)


def remove_groups(apps: StateApps, editor: BaseDatabaseSchemaEditor) -> None:
    apps.get_model("auth", "Group").objects.filter(name__in=GROUPS).delete()


class Migration(migrations.Migration):
    dependencies = [
        ("auth", "0012_alter_user_first_name_max_length"),
        ("contenttypes", "0002_remove_content_type_name"),
        ("alerts", "0001_initial"),
        ("audit", "0001_initial"),
        ("overview", "0001_initial"),
        ("sampling", "0001_initial"),
        ("traces", "0001_initial"),
        ("versions", "0001_initial"),
    ]
    operations = [migrations.RunPython(make_groups, remove_groups)]
