"""What our commands need in order to run."""

import os
import shutil
from pathlib import Path

import pytest

from tests.opsportal.commands import Environment, manage
from tests.ports import free_ports


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
    web, rpc, health = (f"127.0.0.1:{port}" for port in free_ports(3))
    return {
        "PATH": os.environ["PATH"],
        "OPSPORTAL_SECRET_KEY": "tests only " * 5,
        "OPSPORTAL_SITES": str(tmp_path / "sites.toml"),
        "OPSPORTAL_WEB_ADDRESS": web,
        "OPSPORTAL_GRPC_ADDRESS": rpc,
        "OPSPORTAL_HEALTH_ADDRESS": health,
        "DATABASE_URL": f"sqlite:///{tmp_path}/db.sqlite3",
    }
