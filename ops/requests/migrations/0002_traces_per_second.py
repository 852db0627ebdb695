from django.db import migrations, models

from ops.schema import OnDelete


class Migration(migrations.Migration):
    dependencies = [("requests", "0001_initial")]
    operations = [
        migrations.AlterField(
            "changerequest",
            "strategy",
            models.CharField(
                choices=[(each, each) for each in ("never", "always", "rate", "per_second")],
                max_length=16,
            ),
        ),
        OnDelete("changerequest", "asked_by"),
    ]
