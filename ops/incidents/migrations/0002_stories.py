import django.db.models.deletion
from django.db import migrations, models

from ops.schema import OnDelete


class Migration(migrations.Migration):
    dependencies = [
        ("incidents", "0001_initial"),
    ]

    operations = [
        migrations.CreateModel(
            name="StoredIncident",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("site", models.CharField(max_length=63)),
                ("number", models.PositiveIntegerField()),
                ("title", models.CharField(max_length=200)),
                ("services", models.JSONField(default=list)),
                ("begins", models.BigIntegerField()),
                ("origin_kind", models.CharField(default="", max_length=16)),
                ("origin", models.CharField(default="", max_length=200)),
                ("opened_at", models.BigIntegerField()),
                ("opener", models.CharField(max_length=150)),
                ("door", models.CharField(max_length=16)),
                ("closed_at", models.BigIntegerField(default=0)),
                ("closer", models.CharField(default="", max_length=150)),
                ("team", models.CharField(default="", max_length=64)),
                ("channel", models.CharField(default="", max_length=64)),
                ("thread", models.CharField(default="", max_length=64)),
                ("offered", models.BigIntegerField(default=0)),
            ],
            options={
                "default_permissions": (),
                "indexes": [
                    models.Index(fields=["site", "closed_at"], name="incidents_by_end"),
                    models.Index(fields=["channel", "thread"], name="incidents_of_threads"),
                ],
                "constraints": [
                    models.UniqueConstraint(fields=("site", "number"), name="incident_number"),
                    models.UniqueConstraint(
                        condition=models.Q(
                            ("closed_at", 0), models.Q(("origin", ""), _negated=True)
                        ),
                        fields=("site", "origin_kind", "origin"),
                        name="one_open_incident_of_an_origin",
                    ),
                    models.UniqueConstraint(
                        condition=models.Q(
                            ("closed_at", 0), models.Q(("thread", ""), _negated=True)
                        ),
                        fields=("channel", "thread"),
                        name="one_open_incident_of_a_thread",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="StoredEntry",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("at", models.BigIntegerField()),
                ("kind", models.CharField(max_length=16)),
                ("text", models.TextField(default="")),
                ("author", models.CharField(max_length=150)),
                ("door", models.CharField(max_length=16)),
                (
                    "incident",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="entries",
                        to="incidents.storedincident",
                    ),
                ),
            ],
            options={
                "default_permissions": (),
                "indexes": [models.Index(fields=["incident", "at"], name="entries_of_an_incident")],
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("kind", "pinned")),
                        fields=("incident", "text"),
                        name="one_pin_of_a_trace",
                    )
                ],
            },
        ),
        OnDelete("storedentry", "incident"),
    ]
