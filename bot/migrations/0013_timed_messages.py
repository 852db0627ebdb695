"""Remember which message shows a timed change, so that its end is announced there, once."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("bot", "0012_cards_show_requests")]

    operations = [
        migrations.AddField(
            "card", "thread", models.CharField(max_length=64, default="", db_default="")
        ),
        migrations.CreateModel(
            name="TimedMessage",
            fields=[
                ("holder", models.CharField(max_length=64)),
                ("lease_until", models.DateTimeField()),
                ("revision", models.BigIntegerField(primary_key=True, serialize=False)),
                ("channel", models.CharField(max_length=64)),
                ("thread", models.CharField(max_length=64)),
                ("ts", models.CharField(max_length=64)),
                ("due", models.DateTimeField()),
                (
                    "said",
                    models.CharField(
                        choices=[("", "Nothing"), ("warned", "Warned"), ("ended", "Ended")],
                        default="",
                        max_length=16,
                    ),
                ),
            ],
            options={
                "default_permissions": (),
                "indexes": [models.Index(fields=["said", "due"], name="timed_messages_due")],
            },
        ),
    ]
