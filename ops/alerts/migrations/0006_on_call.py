"""The rights to acknowledge alerts and to subscribe channels to them."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("alerts", "0005_silence")]
    operations = [
        migrations.AlterModelOptions(
            name="alerts",
            options={
                "managed": False,
                "default_permissions": (),
                "permissions": [
                    ("view_alerts", "Can see alerts"),
                    ("silence", "Can silence alerts"),
                    ("acknowledge", "Can acknowledge alerts"),
                    ("subscribe", "Can subscribe channels to alerts"),
                ],
            },
        ),
    ]
