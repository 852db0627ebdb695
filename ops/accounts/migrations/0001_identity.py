"""Move identities here from the bot: the table stays, only the app that owns it changes."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.state import StateApps


def rename(apps: StateApps, old: str, new: str) -> None:
    """Move the permissions on identities, and the admin log entries about them, along."""
    types = apps.get_model("contenttypes", "ContentType").objects.filter(model="identity")
    if not types.filter(app_label=new).exists():
        types.filter(app_label=old).update(app_label=new)


def to_people(apps: StateApps, editor: BaseDatabaseSchemaEditor) -> None:
    rename(apps, "bot", "people")


def to_bot(apps: StateApps, editor: BaseDatabaseSchemaEditor) -> None:
    rename(apps, "people", "bot")


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("bot", "0001_initial"),
        ("contenttypes", "0002_remove_content_type_name"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.SeparateDatabaseAndState(
            state_operations=[
                migrations.CreateModel(
                    name="Identity",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True,
                                primary_key=True,
                                serialize=False,
                                verbose_name="ID",
                            ),
                        ),
                        (
                            "slack_user_id",
                            models.CharField(max_length=32, verbose_name="Slack user id"),
                        ),
                        (
                            "slack_team_id",
                            models.CharField(max_length=32, verbose_name="Slack workspace id"),
                        ),
                        ("created", models.DateTimeField(auto_now_add=True)),
                        (
                            "user",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.CASCADE,
                                related_name="slack_identities",
                                to=settings.AUTH_USER_MODEL,
                            ),
                        ),
                    ],
                    options={
                        "db_table": "bot_identity",
                        "verbose_name": "Slack identity",
                        "verbose_name_plural": "Slack identities",
                        "constraints": [
                            models.UniqueConstraint(
                                fields=("slack_team_id", "slack_user_id"),
                                name="one_person_a_slack_user",
                            )
                        ],
                    },
                )
            ]
        ),
        migrations.RunPython(to_people, to_bot),
    ]
