"""Revisions and instances take over from changes and deliveries.

The old tables stay until the next release, for processes of the previous one. What these still
write during an upgrade is in the audit log only.
"""

from django.db import migrations, models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.state import StateApps

STRATEGIES = [(each, each) for each in ("never", "always", "rate", "per_second")]
WAYS = [(each, each) for each in ("push", "remote", "opamp")]
PROOFS = [
    (each, each)
    for each in (
        "confirmed", "roots", "fetched", "told", "refused", "silent", "contradicted", "gone",
    )
]  # fmt: skip

# The database does it all, because 200,000 changes with their deliveries take a minute in Python.
REVISIONS = """
    INSERT INTO sampling_revision (
        id, at, site, service, strategy, rate, operations, until, then_strategy, then_rate,
        previous, actor, door, reason, request_id, held, answers)
    SELECT id, at, site, service, strategy, rate, '{{}}', NULL, '', 0,
        previous, actor, door, '', request_id, {false},
        COALESCE((
            SELECT {object}(address, CASE WHEN confirmed THEN '' ELSE reason END)
            FROM sampling_delivery WHERE change_id = sampling_change.id
        ), '{{}}')
    FROM sampling_change
"""
INSTANCES = """
    INSERT INTO sampling_instance (
        site, service, way, key, address, client, first_heard, heard, sent_revision,
        sent_strategy, sent_rate, sent_at, proof, proven_revision, proven_at, said_strategy,
        said_rate, reason, unauthenticated)
    SELECT site, service, 'push', address, address, '', told_at, told_at, change_id,
        strategy, rate, told_at, CASE WHEN confirmed THEN 'confirmed' ELSE 'silent' END,
        CASE WHEN confirmed THEN change_id END, CASE WHEN confirmed THEN told_at END, '',
        0, reason, {false}
    FROM sampling_delivery
    JOIN sampling_change ON sampling_change.id = change_id
    WHERE sampling_delivery.id IN (
        SELECT MAX(d.id) FROM sampling_delivery d JOIN sampling_change c ON c.id = d.change_id
        GROUP BY c.site, c.service, d.address)
"""
# Revisions keep the numbers of their changes, so the next one must come after them.
SEQUENCE = """
    SELECT setval(pg_get_serial_sequence('sampling_revision', 'id'), MAX(id))
    FROM sampling_revision HAVING MAX(id) IS NOT NULL
"""


def carry_over(apps: StateApps, editor: BaseDatabaseSchemaEditor) -> None:
    postgresql = editor.connection.vendor == "postgresql"
    words = {
        "object": "jsonb_object_agg" if postgresql else "json_group_object",
        "false": "FALSE" if postgresql else "0",
    }
    with editor.connection.cursor() as cursor:
        cursor.execute(REVISIONS.format(**words))
        cursor.execute(INSTANCES.format(**words))
        if postgresql:
            cursor.execute(SEQUENCE)
    # Permissions belong to a table; they and the groups that have them stay the same.
    of_tables(apps).filter(model="change").update(model="revision")


def give_back(apps: StateApps, editor: BaseDatabaseSchemaEditor) -> None:
    of_tables(apps).filter(model="revision").update(model="change")


def of_tables(apps: StateApps) -> models.QuerySet[models.Model]:
    found: models.QuerySet[models.Model] = apps.get_model("contenttypes", "ContentType").objects
    return found.filter(app_label="sampling")


class Migration(migrations.Migration):
    dependencies = [
        ("sampling", "0003_older_releases"),
        ("opsportal", "0003_approvers"),
        ("contenttypes", "0002_remove_content_type_name"),
    ]
    operations = [
        migrations.CreateModel(
            name="Revision",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("at", models.DateTimeField()),
                ("site", models.CharField(max_length=63)),
                ("service", models.CharField(max_length=63)),
                ("strategy", models.CharField(choices=STRATEGIES, max_length=16)),
                ("rate", models.FloatField()),
                ("operations", models.JSONField(default=dict)),
                ("until", models.DateTimeField(null=True)),
                (
                    "then_strategy",
                    models.CharField(choices=STRATEGIES, default="", max_length=16),
                ),
                ("then_rate", models.FloatField(default=0)),
                ("previous", models.CharField(max_length=255)),
                ("actor", models.CharField(max_length=150)),
                ("door", models.CharField(max_length=16)),
                ("reason", models.CharField(default="", max_length=300)),
                ("request_id", models.CharField(max_length=16)),
                ("answers", models.JSONField(default=dict)),
                ("held", models.BooleanField(default=True)),
            ],
            options={
                "permissions": [
                    ("view_sampling", "Can see sampling"),
                    ("change_policy", "Can change sampling policies"),
                    ("approve_change", "Can make sampling changes that others asked for"),
                ],
                "default_permissions": (),
                "indexes": [
                    models.Index(fields=["site", "service", "-id"], name="sampling_revisions")
                ],
            },
        ),
        migrations.CreateModel(
            name="Instance",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("site", models.CharField(max_length=63)),
                ("service", models.CharField(max_length=63)),
                ("way", models.CharField(choices=WAYS, max_length=8)),
                ("key", models.CharField(max_length=255)),
                ("address", models.CharField(max_length=255)),
                ("client", models.CharField(default="", max_length=255)),
                ("first_heard", models.DateTimeField()),
                ("heard", models.DateTimeField()),
                ("sent_revision", models.BigIntegerField(null=True)),
                (
                    "sent_strategy",
                    models.CharField(choices=STRATEGIES, default="", max_length=16),
                ),
                ("sent_rate", models.FloatField(default=0)),
                ("sent_at", models.DateTimeField(null=True)),
                ("proof", models.CharField(choices=PROOFS, default="", max_length=16)),
                ("proven_revision", models.BigIntegerField(null=True)),
                ("proven_at", models.DateTimeField(null=True)),
                (
                    "said_strategy",
                    models.CharField(choices=STRATEGIES, default="", max_length=16),
                ),
                ("said_rate", models.FloatField(default=0)),
                ("reason", models.TextField(default="")),
                ("unauthenticated", models.BooleanField(default=False)),
            ],
            options={
                "default_permissions": (),
                "constraints": [
                    models.UniqueConstraint(
                        fields=("site", "service", "way", "key"),
                        name="sampling_one_row_per_instance",
                    )
                ],
            },
        ),
        migrations.RunPython(carry_over, give_back),
        migrations.SeparateDatabaseAndState(
            state_operations=[
                migrations.DeleteModel("Delivery"),
                migrations.DeleteModel("Change"),
            ]
        ),
    ]
