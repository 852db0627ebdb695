"""Keep the writes and deletes of earlier releases working; see `ops.schema`."""

from django.db import migrations

from ops.schema import OnDelete


class Migration(migrations.Migration):
    dependencies = [("sampling", "0002_approve_change")]
    operations = [OnDelete("delivery", "change")]
