"""Our commands as processes of their own."""

import subprocess
import sys
from pathlib import Path

import httpx
import pytest

ROOT = Path(__file__).parent.parent.parent
Environment = dict[str, str]
PATIENCE = 300  # seconds, within which a process starts and ends unless it hangs


def manage(*arguments: str, env: Environment) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "manage.py", *arguments],
        cwd=ROOT,
        env=env,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )


def wait_until_it_answers(address: str, process: subprocess.Popen[bytes]) -> None:
    """Not only until it listens: it also does that for a moment to see if the address is free."""
    while process.poll() is None:
        try:
            httpx.get(f"http://{address}/healthz", timeout=PATIENCE)
        except httpx.TransportError:
            continue
        return
    pytest.fail("it ended before it answered")
