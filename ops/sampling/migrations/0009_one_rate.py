"""Which instances take a single rate only."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("sampling", "0008_operations_before_and_after")]
    operations = [
        migrations.AddField(
            "instance", "one_rate", models.BooleanField(default=False, db_default=False)
        ),
    ]
