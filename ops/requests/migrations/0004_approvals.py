from django.db import migrations, models

from ops.schema import OnDelete


class Migration(migrations.Migration):
    dependencies = [("requests", "0003_terms")]
    operations = [
        migrations.AddField("changerequest", "ceiling", models.FloatField(null=True)),
        migrations.AddField("changerequest", "traces", models.FloatField(null=True)),
        migrations.AddField(
            "changerequest", "why_not", models.CharField(max_length=300, default="", db_default="")
        ),
        migrations.AlterField(
            "changerequest",
            "state",
            models.CharField(
                max_length=16,
                choices=[
                    ("open", "Open"),
                    ("applying", "Applying"),
                    ("applied", "Applied"),
                    ("failed", "Failed"),
                    ("cancelled", "Cancelled"),
                    ("refused", "Refused"),
                    ("expired", "Expired"),
                    ("unknown", "Unknown"),
                ],
                default="open",
            ),
        ),
        OnDelete("changerequest", "asked_by"),
    ]
