"""Keep the writes and deletes of earlier releases working; see `ops.schema`."""

from django.db import migrations

from ops.schema import OnDelete


class Migration(migrations.Migration):
    dependencies = [("rpc", "0001_initial")]
    operations = [OnDelete("token", "user")]
