"""Show which workspaces may use a bot, and when Slack last dropped messages to it."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("bot", "0013_timed_messages")]

    operations = [
        migrations.AddField("botprocess", "limited", models.DateTimeField(null=True)),
        migrations.AddField(
            "botprocess", "trusts", models.CharField(max_length=200, default="", db_default="")
        ),
    ]
