"""Move the identities to `ops.accounts`; their table is unchanged."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("bot", "0003_sender"), ("people", "0001_identity")]

    operations = [
        migrations.SeparateDatabaseAndState(
            state_operations=[migrations.DeleteModel(name="Identity")]
        )
    ]
