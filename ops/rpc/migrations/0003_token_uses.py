"""When tokens were used, as periods."""

import django.db.models.deletion
from django.db import migrations, models

from ops.schema import OnDelete


class Migration(migrations.Migration):
    dependencies = [("rpc", "0002_older_releases")]

    operations = [
        migrations.CreateModel(
            name="TokenUse",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("start", models.DateTimeField()),
                ("end", models.DateTimeField()),
                (
                    "token",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="uses",
                        to="rpc.token",
                    ),
                ),
            ],
            options={
                "default_permissions": (),
                "indexes": [
                    models.Index(fields=["token", "end"], name="use_of_token"),
                    models.Index(fields=["end", "start"], name="use_by_end"),
                ],
            },
        ),
        OnDelete("tokenuse", "token"),
    ]
