from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("requests", "0004_approvals")]
    operations = [
        # Null, because the previous release, which may go on working, does not know it.
        migrations.AddField("changerequest", "operations", models.JSONField(null=True)),
    ]
