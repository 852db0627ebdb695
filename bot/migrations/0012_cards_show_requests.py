"""Move requests for a change to `ops.requests`; the bot keeps which message shows each of them.

The old table of cards stays, because the previous release uses it during the upgrade. This release
does not apply cards from that table: a change must not be made twice. The table's foreign key to
the users is dropped, because this release deletes users without looking at the table.
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
