"""Remember the silences that were made here, so that their makers are warned of the end."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

from ops.schema import OnDelete


class Migration(migrations.Migration):
    initial = True

    dependencies = [migrations.swappable_dependency(settings.AUTH_USER_MODEL)]

    operations = [
        migrations.CreateModel(
            name="OwnSilence",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("site", models.CharField(max_length=63)),
                ("key", models.CharField(max_length=64)),
                (
                    "user",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                ("matchers", models.TextField()),
                ("since", models.DateTimeField()),
                ("warn_at", models.DateTimeField()),
                ("until", models.DateTimeField(db_index=True)),
                ("ended_by", models.CharField(default="", max_length=150)),
            ],
            options={
                "default_permissions": (),
                "constraints": [
                    models.UniqueConstraint(fields=["site", "key"], name="one_row_a_silence")
                ],
            },
        ),
        OnDelete("ownsilence", "user"),
    ]
