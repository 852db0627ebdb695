"""A disk that is full under the database: what each door says, and that all goes on with space.

Nothing that was confirmed is lost. A small file system is mounted, which takes root.
"""

import os
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from tests.live import databases, portals

SITES = """
[sites.shop.services.checkout]
instances = ["127.0.0.1:1"]
"""
FULL = "the database's disk is full"
MEGABYTES = {"SQLite": 24, "PostgreSQL": 140}
ENOUGH = 100  # changes that need more than the database has allocated already

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount a small disk")


@dataclass(frozen=True)
class Disk:
    """A small file system."""

    place: Path

    @contextmanager
    def full(self) -> Iterator[None]:
        """Inside, no byte is left."""
        filler = os.open(self.place / "filler", os.O_CREAT | os.O_WRONLY)
        try:
            with suppress(OSError):
                while True:
                    os.write(filler, b"x" * 4_096)
            yield
        finally:
            os.close(filler)
            (self.place / "filler").unlink()


@dataclass(frozen=True)
class Team:
    """OpsPortal with its database on a small disk, and Olga's token."""

    portal: portals.Portal
    disk: Disk
    token: str

    def opens(self, path: str) -> httpx.Response:
        return httpx.get(f"http://{self.portal.web}{path}", timeout=30)

    def logs_in(self) -> httpx.Response:
        form = {
            "username": "olga", "password": "opensesame", "csrfmiddlewaretoken": "t" * 32
        }  # fmt: skip
        cookies = {"csrftoken": "t" * 32}
        with httpx.Client(base_url=f"http://{self.portal.web}", cookies=cookies) as stranger:
            return stranger.post("/account/login/", data=form, timeout=30)

    def changes(self) -> str:
        """Change sampling, on an instance that is not there; return the status and words."""
        return self.portal.change_sampling(self.token)

    def rows(self) -> int:
        """Return how many rows the audit log has, which verifies."""
        return int(self.portal.manage("audit_verify").split()[0])


@pytest.fixture(params=["SQLite", "PostgreSQL"])
def team(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Team]:
    place = tmp_path / "disk"
    place.mkdir()
    size = f"size={MEGABYTES[request.param]}m"
    with ExitStack() as stack:
        subprocess.run(["mount", "-t", "tmpfs", "-o", size, "tmpfs", place], check=True)
        stack.callback(lambda: subprocess.run(["umount", place], check=True))
        url = f"sqlite:///{place / 'db.sqlite3'}"
        if request.param == "PostgreSQL":
            # Its user must get there, which pytest's folders keep to their owner.
            for each in place.parents:
                if each.stat().st_uid == 0 and not each.stat().st_mode & 0o001:
                    each.chmod(each.stat().st_mode | 0o011)
            (place / "cluster").mkdir()
            database = databases.PostgreSQL(place / "cluster")
            database.start()
            stack.callback(database.stop)
            database.create()
            url = database.url
        portal = portals.portal(tmp_path, SITES, DATABASE_URL=url)
        token = portal.person("olga", "operators", "auditors")
        stack.enter_context(portal.running("serve", tmp_path))
        yield Team(portal, Disk(place), token)


def test_it_says_that_the_disk_is_full_and_goes_on_with_space(team: Team) -> None:
    before = team.rows()
    done = sum(team.changes().startswith("ABORTED") for _ in range(3))
    with team.disk.full():
        for _ in range(ENOUGH):
            if not (said := team.changes()).startswith("ABORTED"):
                break
            done += 1
        assert said.startswith("UNAVAILABLE nothing was changed") and FULL in said
        page = team.opens("/account/login/")
        logged_in = team.logs_in()
        ready = team.opens("/readyz")
    assert page.status_code == 200
    # PostgreSQL may still have room for a session, and knows of its disk by what it cannot write.
    if logged_in.status_code != 302:
        assert logged_in.status_code == 503 and "disk is full" in logged_in.text
    on_file = "sqlite" in team.portal.environment["DATABASE_URL"]
    assert (ready.status_code, FULL in ready.text) == ((503, True) if on_file else (200, False))
    assert team.opens("/readyz").status_code == 200
    assert team.logs_in().status_code == 302
    assert team.changes().startswith("ABORTED")
    assert team.rows() - before == 2 * (done + 1)
