"""Remember which message shows a silence, so that its end is announced there, once."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("bot", "0015_conversations")]

    operations = [
        migrations.CreateModel(
            name="SilenceMessage",
            fields=[
                ("holder", models.CharField(max_length=64)),
                ("lease_until", models.DateTimeField()),
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
                ("silence", models.BigIntegerField(primary_key=True, serialize=False)),
            ],
            options={
                "abstract": False,
                "default_permissions": (),
                "indexes": [models.Index(fields=["said", "due"], name="silence_messages_due")],
            },
        ),
    ]
