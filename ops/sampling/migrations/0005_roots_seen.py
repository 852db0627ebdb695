"""What the watcher finds in new traces; the previous release knows nothing of it."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("sampling", "0004_revisions")]

    operations = [
        migrations.CreateModel(
            name="RootsSeen",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("site", models.CharField(max_length=63)),
                ("service", models.CharField(max_length=63)),
                ("revision", models.BigIntegerField()),
                ("strategy", models.CharField(choices=[(each, each) for each in ("never", "always", "rate", "per_second")], max_length=16)),
                ("rate", models.FloatField()),
                ("until", models.DateTimeField()),
                ("verdicts", models.JSONField(default=dict)),
            ],
            options={
                "default_permissions": (),
                "constraints": [models.UniqueConstraint(fields=["site", "service"], name="sampling_roots_per_service")],
            },
        ),
    ]  # fmt: skip
