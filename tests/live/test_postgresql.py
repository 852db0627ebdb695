"""The quick tests of what lives in the database, on PostgreSQL."""

import os
import subprocess
import sys
from contextlib import ExitStack

import psycopg
import pytest

from ops.database.errors import has_too_many_connections
from tests.live import databases, servers

ROOMS = (
    "acknowledgements",
    "audit",
    "bot",
    "dashboard",
    "guard",
    "incidents",
    "overview/test_changes.py",
    "opsportal",
    "accounts",
    "remote/test_door.py",
    "requests",
    "rpc",
    "sampling",
    "silences",
    "subscriptions",
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


def test_it_recognizes_each_way_in_which_a_server_has_too_many_connections() -> None:
    """A refused connection has no SQLSTATE, so these words are all there is."""
    with databases.cluster() as database, ExitStack() as open_connections:
        with psycopg.connect(database.url, autocommit=True) as admin:
            admin.execute("CREATE ROLE many LOGIN")
            admin.execute("CREATE ROLE one LOGIN CONNECTION LIMIT 1")
            admin.execute("ALTER SYSTEM SET max_connections = 6")
        database.restart()

        def connect_until_refused(user: str) -> None:
            while True:
                open_connections.enter_context(psycopg.connect(database.url, user=user))

        def refused(user: str) -> str:
            with pytest.raises(psycopg.OperationalError) as caught:
                connect_until_refused(user)
            assert has_too_many_connections(caught.value)
            return str(caught.value)

        assert "too many connections for role" in refused("one")
        assert "connection slots are reserved" in refused("many")
        assert "too many clients" in refused("opsportal")
