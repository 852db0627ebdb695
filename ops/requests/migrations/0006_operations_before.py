"""The rates of single operations that instances have when a change is asked for."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("requests", "0005_operations")]
    operations = [
        # Null, because the previous release, which may go on working, does not know it.
        migrations.AddField("changerequest", "before", models.JSONField(null=True)),
    ]
