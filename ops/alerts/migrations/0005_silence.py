"""The right to silence alerts, for those who may change sampling."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("alerts", "0004_by_start")]
    operations = [
        migrations.AlterModelOptions(
            name="alerts",
            options={
                "managed": False,
                "default_permissions": (),
                "permissions": [
                    ("view_alerts", "Can see alerts"),
                    ("silence", "Can silence alerts"),
                ],
            },
        ),
    ]
