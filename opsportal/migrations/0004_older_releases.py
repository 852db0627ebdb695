"""Let older releases write to and delete from these tables; see `ops.schema`."""

from django.db import migrations

from ops.schema import OnDelete


class Migration(migrations.Migration):
    dependencies = [("opsportal", "0003_approvers")]
    operations = [OnDelete("recentsearch", "user")]
