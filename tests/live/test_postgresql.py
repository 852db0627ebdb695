"""The quick tests of what lives in the database, on PostgreSQL."""

import os
import subprocess
import sys

from tests.live import servers

ROOMS = (
    "audit",
    "bot",
    "dashboard",
    "guard",
    "opsportal",
    "accounts",
    "requests",
    "rpc",
    "sampling",
)
# These start processes on a SQLite file of their own, or refuse before any database is asked.
NOT_THESE = (
    "dashboard/test_bounds.py",
    "opsportal/test_backup.py",
    "opsportal/test_loading.py",
    "opsportal/test_processes.py",
    "opsportal/test_update.py",
)


def test_it_passes_the_quick_tests(postgresql: str) -> None:
    command = [sys.executable, "-m", "pytest", "-q", *(f"tests/{room}" for room in ROOMS)]
    command += [f"--ignore=tests/{each}" for each in NOT_THESE]
    environment = {**os.environ, "DATABASE_URL": postgresql}
    done = subprocess.run(
        command, check=False, cwd=servers.ROOT, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout[-5000:]


PRINT_THE_LIMIT = """
import django; django.setup()
from django.db import connection
connection.ensure_connection()
print(connection.connection.info.get_parameters()["tcp_user_timeout"])
connection.close()
connection.close_pool()
"""


def test_it_gives_a_connection_up_whose_plug_was_pulled(postgresql: str) -> None:
    """Without the limit a query waits for as long as TCP does, a quarter of an hour."""
    environment = {
        **os.environ,
        "DATABASE_URL": postgresql,
        "DJANGO_SETTINGS_MODULE": "tests.settings",
    }
    command = [sys.executable, "-c", PRINT_THE_LIMIT]
    said = subprocess.check_output(command, cwd=servers.ROOT, env=environment, text=True)
    assert said.strip() == "10000"
