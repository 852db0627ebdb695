"""Who has which alert."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

from ops.schema import OnDelete


class Migration(migrations.Migration):
    dependencies = [
        ("alerts", "0006_on_call"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="HeldAlert",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("site", models.CharField(max_length=63)),
                ("name", models.CharField(max_length=200)),
                ("fingerprint", models.CharField(max_length=20)),
                ("person", models.CharField(max_length=150)),
                ("given_by", models.CharField(max_length=150)),
                ("services", models.JSONField()),
                ("note", models.CharField(max_length=300)),
                ("start", models.BigIntegerField()),
                ("until", models.BigIntegerField()),
                ("end", models.BigIntegerField(null=True)),
                ("why", models.CharField(max_length=16)),
                (
                    "user",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "default_permissions": (),
                "indexes": [
                    models.Index(fields=["site", "end"], name="alert_held_by_end"),
                    models.Index(fields=["site", "start"], name="alert_held_by_start"),
                ],
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("end", None)),
                        fields=("site", "name", "fingerprint"),
                        name="alert_held_once",
                    )
                ],
            },
        ),
        OnDelete("heldalert", "user"),
    ]
