"""Keep the writes and deletes of earlier releases working; see `ops.schema`."""

from django.db import migrations, models

from ops.schema import OnDelete


class Migration(migrations.Migration):
    dependencies = [
        ("bot", "0010_cards_outlive_people"),
    ]

    operations = [
        migrations.AlterField(
            model_name="botprocess",
            name="failure",
            field=models.TextField(db_default="", default=""),
        ),
        migrations.AlterField(
            model_name="botprocess",
            name="reached",
            field=models.PositiveSmallIntegerField(db_default=0, default=0),
        ),
        migrations.AlterField(
            model_name="botprocess",
            name="strays",
            field=models.PositiveSmallIntegerField(db_default=0, default=0),
        ),
        migrations.AlterField(
            model_name="botprocess",
            name="waiting",
            field=models.PositiveIntegerField(db_default=0, default=0),
        ),
        migrations.AlterField(
            model_name="botprocess",
            name="workspace",
            field=models.CharField(db_default="", default="", max_length=200),
        ),
        migrations.AlterField(
            model_name="receivedevent",
            name="placeholder",
            field=models.CharField(db_default="", default="", max_length=64),
        ),
        migrations.AlterField(
            model_name="receivedevent",
            name="thread",
            field=models.CharField(db_default="", default="", max_length=64),
        ),
        OnDelete("changecard", "asked_by"),
    ]
