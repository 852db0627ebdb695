"""Every page looks for timed changes in force."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("sampling", "0006_asking")]
    operations = [
        migrations.AddIndex(
            "revision", models.Index(fields=["site", "until"], name="sampling_ends")
        ),
    ]
