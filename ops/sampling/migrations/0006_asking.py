"""How many instances got a revision when they asked."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("sampling", "0005_roots_seen")]
    operations = [
        migrations.AddField(
            "revision", "asking", models.PositiveIntegerField(default=0, db_default=0)
        ),
    ]
