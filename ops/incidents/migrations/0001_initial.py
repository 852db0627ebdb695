from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True
    dependencies = []
    operations = [
        migrations.CreateModel(
            name="Incidents",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
            ],
            options={
                "permissions": [
                    ("view_incidents", "Can see incidents"),
                    ("work", "Can open, write in and close incidents"),
                ],
                "managed": False,
                "default_permissions": (),
            },
        ),
    ]
