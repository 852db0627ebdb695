"""Keep the writes and deletes of earlier releases working; see `ops.schema`."""

from django.db import migrations, models

from ops.schema import OnDelete


class Migration(migrations.Migration):
    dependencies = [
        ("people", "0002_link_codes"),
    ]

    operations = [
        migrations.AlterField(
            model_name="identity",
            name="name",
            field=models.CharField(
                blank=True,
                db_default="",
                default="",
                editable=False,
                max_length=80,
                verbose_name="Slack name",
            ),
        ),
        migrations.AlterField(
            model_name="identity",
            name="workspace",
            field=models.CharField(
                blank=True,
                db_default="",
                default="",
                editable=False,
                max_length=80,
                verbose_name="Slack workspace",
            ),
        ),
        migrations.AlterField(
            model_name="linkcode",
            name="name",
            field=models.CharField(
                blank=True,
                db_default="",
                default="",
                editable=False,
                max_length=80,
                verbose_name="Slack name",
            ),
        ),
        migrations.AlterField(
            model_name="linkcode",
            name="workspace",
            field=models.CharField(
                blank=True,
                db_default="",
                default="",
                editable=False,
                max_length=80,
                verbose_name="Slack workspace",
            ),
        ),
        OnDelete("identity", "user"),
        OnDelete("linkattempt", "user"),
    ]
