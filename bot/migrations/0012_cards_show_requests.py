"""Requests for a change have moved to `ops.requests`; the bot keeps which message shows one.

The table of the cards stays, because the previous release goes on using it while it is replaced.
Cards that it posted cannot be applied by this one: a change must not be made twice. The table no
longer refers to that of users, which this release empties without knowing of it.
"""

from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("bot", "0011_older_releases"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
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
        migrations.AlterField(
            model_name="changecard",
            name="asked_by",
            field=models.ForeignKey(
                db_constraint=False,
                null=True,
                on_delete=models.SET_NULL,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.SeparateDatabaseAndState(
            state_operations=[migrations.DeleteModel(name="ChangeCard")],
        ),
    ]
