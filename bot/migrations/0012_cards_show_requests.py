"""Requests for a change have moved to `ops.requests`; the bot keeps which message shows one.

The table of the cards stays, because the previous release goes on using it while it is replaced.
Cards that it posted cannot be applied by this one: a change must not be made twice.
"""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("bot", "0011_older_releases"),
    ]

    operations = [
        migrations.CreateModel(
            name="Card",
            fields=[
                ("holder", models.CharField(max_length=64)),
                ("lease_until", models.DateTimeField()),
                ("key", models.CharField(max_length=16, primary_key=True, serialize=False)),
                ("channel", models.CharField(max_length=64)),
                ("ts", models.CharField(max_length=64)),
                ("shown", models.CharField(max_length=16)),
            ],
            options={
                "default_permissions": (),
                "indexes": [models.Index(fields=["shown", "lease_until"], name="cards_to_update")],
            },
        ),
        migrations.SeparateDatabaseAndState(
            state_operations=[migrations.DeleteModel(name="ChangeCard")],
        ),
    ]
