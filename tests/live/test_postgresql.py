"""The quick tests of what lives in the database, on PostgreSQL."""

import os
import subprocess
import sys

from tests.live import servers

ROOMS = ("audit", "guard", "opsportal", "rpc", "sampling")


def test_it_passes_the_quick_tests(postgresql: str) -> None:
    command = [sys.executable, "-m", "pytest", "-q", *(f"tests/{room}" for room in ROOMS)]
    environment = {**os.environ, "DATABASE_URL": postgresql}
    done = subprocess.run(
        command, check=False, cwd=servers.ROOT, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout[-5000:]
