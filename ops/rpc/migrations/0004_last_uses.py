"""Of each token, begin with the one use that earlier releases have stored."""

from django.db import migrations

LAST_USES = """
INSERT INTO rpc_tokenuse (token_id, "start", "end")
SELECT id, last_used, last_used FROM rpc_token WHERE last_used IS NOT NULL
"""


class Migration(migrations.Migration):
    dependencies = [("rpc", "0003_token_uses")]
    operations = [migrations.RunSQL(LAST_USES, migrations.RunSQL.noop)]
