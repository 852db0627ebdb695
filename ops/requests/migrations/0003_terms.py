from django.db import migrations, models

from ops.schema import OnDelete


class Migration(migrations.Migration):
    dependencies = [("requests", "0002_traces_per_second")]
    operations = [
        migrations.AddField(
            "changerequest", "duration", models.BigIntegerField(default=0, db_default=0)
        ),
        migrations.AddField(
            "changerequest", "ends", models.BigIntegerField(default=0, db_default=0)
        ),
        migrations.AddField(
            "changerequest",
            "then_strategy",
            models.CharField(max_length=16, default="", db_default=""),
        ),
        migrations.AddField(
            "changerequest", "then_rate", models.FloatField(default=0, db_default=0)
        ),
        migrations.AddField(
            "changerequest", "reason", models.CharField(max_length=300, default="", db_default="")
        ),
        OnDelete("changerequest", "asked_by"),
    ]
