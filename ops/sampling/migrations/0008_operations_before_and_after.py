"""The rates of single operations that instances had, and that follow a timed revision."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("sampling", "0007_ends")]
    operations = [
        # Null, because the previous release, which may go on working, does not know them.
        migrations.AddField("revision", "before", models.JSONField(null=True)),
        migrations.AddField("revision", "then_operations", models.JSONField(null=True)),
    ]
