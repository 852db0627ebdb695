"""A checkout that is updated below a running process: what it serves was fixed at its start."""

import re
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from opsportal.dashboard.urls import pages
from tests.opsportal.commands import PATIENCE, ROOT, Environment

CODE = ("manage.py", "opsportal", "ops", "bot", "proto", "templates")
PAGES = [
    "/account/login/",
    "/account/password_reset/",
    "/account/",
    "/account/password_change/",
    "/admin/",
    "/admin/auth/user/",
    "/admin/auth/user/add/",
    "/admin/audit/auditentry/",
    "/there/is/nothing/",
    *("/" + str(page.pattern).replace("<str:trace_id>", "ab" * 16) for page in pages),
]


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A copy of the product that a test may destroy."""
    for name in CODE:
        source, target = ROOT / name, tmp_path / "checkout" / name
        if source.is_dir():
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            target.parent.mkdir(exist_ok=True)
            shutil.copy(source, target)
    return tmp_path / "checkout"


@pytest.fixture
def served(checkout: Path, environment: Environment) -> Iterator[httpx.Client]:
    """A client, logged in with every view permission, for a process of that copy."""
    environment |= {"OPSPORTAL_HTTPS": "0", "PYTHONDONTWRITEBYTECODE": "1"}
    manage = [sys.executable, "manage.py"]
    person = {"DJANGO_SUPERUSER_PASSWORD": "opensesame"}
    words = ["createsuperuser", "--noinput", "--username=sue", "--email=sue@example.com"]
    subprocess.run([*manage, *words, "-v0"], cwd=checkout, env=environment | person, check=True)
    # Not `manage.py serve`, whose checks read more than the application itself does.
    host, _, port = environment["OPSPORTAL_WEB_ADDRESS"].partition(":")
    serve = ["-m", "uvicorn", "opsportal.asgi:application", "--host", host, "--port", port]
    with subprocess.Popen([sys.executable, *serve], cwd=checkout, env=environment) as process:
        wait_until_it_listens(host, int(port), process)
        with httpx.Client(base_url=f"http://{host}:{port}", timeout=PATIENCE) as client:
            yield client
        process.terminate()
        process.wait(timeout=PATIENCE)


def wait_until_it_listens(host: str, port: int, process: subprocess.Popen[bytes]) -> None:
    """Without a request, which might read what is to be replaced first."""
    while process.poll() is None:
        try:
            socket.create_connection((host, port), timeout=PATIENCE).close()
        except OSError:
            continue
        return
    pytest.fail("it ended before it listened")


def log_in(client: httpx.Client) -> None:
    form = client.get("/account/login/").text
    token = re.findall('name="csrfmiddlewaretoken" value="(.*?)"', form)[0]
    given = {"username": "sue", "password": "opensesame", "csrfmiddlewaretoken": token}
    assert client.post("/account/login/", data=given).status_code == 302


def files_of(page: str) -> list[str]:
    return re.findall('(?:href|src)="(/static/[^"]+)"', page)


def test_an_update_below_a_running_process_changes_nothing_that_it_serves(
    served: httpx.Client, checkout: Path
) -> None:
    # Nothing of the old release is left, and what replaces it cannot be read as anything.
    for path in checkout.rglob("*"):
        if path.suffix in (".html", ".txt", ".css", ".js", ".svg", ".py"):
            path.write_bytes(b"{% not of this release %}")
    added = checkout / "templates/admin/auth/user/change_list.html"  # Django's own until now
    added.parent.mkdir(parents=True)
    added.write_text("not of this release")
    log_in(served)

    broken, seen = [], {}
    for address in PAGES:
        page = served.get(address)
        if page.status_code >= 500 or "not of this release" in page.text:
            broken.append((address, page.status_code))
        seen.update(dict.fromkeys(files_of(page.text), address))
    for file, address in seen.items():
        answer = served.get(file)
        if answer.status_code != 200 or "not of this release" in answer.text:
            broken.append((f"{file} of {address}", answer.status_code))

    assert broken == []
    assert len(seen) > 20
