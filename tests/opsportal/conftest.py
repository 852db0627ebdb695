"""What our commands need in order to run."""

import os
import shutil
from pathlib import Path

import pytest

from tests.opsportal.commands import Environment, free_port, manage


@pytest.fixture(scope="session")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database with all of its tables and no users."""
    path = tmp_path_factory.mktemp("migrated") / "db.sqlite3"
    environment = {
        "PATH": os.environ["PATH"],
        "OPSPORTAL_SECRET_KEY": "tests only " * 5,
        "DATABASE_URL": f"sqlite:///{path}",
    }
    assert manage("migrate", env=environment).returncode == 0
    return path


@pytest.fixture
def environment(tmp_path: Path, migrated: Path) -> Environment:
    """What a real site's commands need, in a folder of its own, on free ports."""
    shutil.copy(migrated, tmp_path / "db.sqlite3")
    (tmp_path / "sites.toml").write_text("[sites.demo.services.petstore]\n")
    return {
        "PATH": os.environ["PATH"],
        "OPSPORTAL_SECRET_KEY": "tests only " * 5,
        "OPSPORTAL_SITES": str(tmp_path / "sites.toml"),
        "OPSPORTAL_WEB_ADDRESS": f"127.0.0.1:{free_port()}",
        "OPSPORTAL_GRPC_ADDRESS": f"127.0.0.1:{free_port()}",
        "OPSPORTAL_HEALTH_ADDRESS": f"127.0.0.1:{free_port()}",
        "DATABASE_URL": f"sqlite:///{tmp_path}/db.sqlite3",
    }
