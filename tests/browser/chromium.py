"""Which Chromium the tests and benchmarks drive."""

import os
import shutil
from pathlib import Path

import pytest

NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
INSTALL = "these tests need Chromium: apt install chromium, or playwright install chromium"


def executable(own: str) -> str:
    """Playwright's own Chromium, or the system's."""
    path = own if Path(own).exists() else next(filter(None, map(shutil.which, NAMES)), None)
    if path is None:
        (pytest.fail if os.environ.get("CI") else pytest.skip)(INSTALL)
    return str(path)
