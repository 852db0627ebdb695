import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

from ops.schema import OnDelete


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="ChangeRequest",
            fields=[
                ("holder", models.CharField(max_length=64)),
                ("lease_until", models.DateTimeField()),
                ("key", models.CharField(max_length=16, primary_key=True, serialize=False)),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("open", "Open"),
                            ("applying", "Applying"),
                            ("applied", "Applied"),
                            ("failed", "Failed"),
                            ("cancelled", "Cancelled"),
                            ("expired", "Expired"),
                            ("unknown", "Unknown"),
                        ],
                        default="open",
                        max_length=16,
                    ),
                ),
                ("site", models.CharField(max_length=63)),
                ("service", models.CharField(max_length=63)),
                ("previous", models.CharField(max_length=255)),
                (
                    "strategy",
                    models.CharField(
                        choices=[("never", "never"), ("always", "always"), ("rate", "rate")],
                        max_length=8,
                    ),
                ),
                ("rate", models.FloatField()),
                ("instances", models.PositiveIntegerField()),
                ("asker", models.CharField(max_length=150)),
                ("door", models.CharField(max_length=16)),
                ("asked_at", models.DateTimeField()),
                ("expires", models.DateTimeField()),
                ("decided_by", models.CharField(default="", max_length=150)),
                ("decided_at", models.DateTimeField(null=True)),
                ("result", models.JSONField(null=True)),
                ("problem", models.TextField(default="")),
                ("problem_kind", models.CharField(default="", max_length=32)),
                (
                    "asked_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "default_permissions": (),
                "indexes": [
                    models.Index(fields=["state", "expires"], name="requests_to_close"),
                    models.Index(fields=["site", "service", "state"], name="requests_of_a_service"),
                ],
            },
        ),
        OnDelete("changerequest", "asked_by"),
    ]
