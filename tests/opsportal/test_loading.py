"""What a process runs is fixed when it starts: an upgrade below it changes nothing."""

import ast
import json
import subprocess
import sys

import pytest

from tests.opsportal.commands import PATIENCE, ROOT, Environment, manage

VISIT = """
import json, sys
import opsportal.asgi
started = set(sys.modules)

import asyncio
from django.test import AsyncClient

async def visit():
    browser = AsyncClient()
    seen = []
    async def open(address, form=None):
        answer = await (browser.post(address, form) if form else browser.get(address))
        seen.append(answer.status_code)
    await open("/healthz")
    await open("/metrics")
    await open("/nowhere")
    await open("/account/login/", {"username": "olga", "password": "wrong"})
    await open("/account/password_reset/")
    await open("/account/login/", {"username": "olga", "password": "opensesame"})
    for address in (
        "/", "/traces/", "/traces/?q=error", "/traces/compare/", "/traces/names/", "/alerts/",
        "/versions/", "/sampling/", "/sampling/change/?service=petstore", "/account/",
        "/account/slack/", "/account/password_change/", "/admin/", "/admin/auth/user/",
        "/admin/auth/user/1/change/", "/admin/audit/auditentry/", "/admin/rpc/token/add/",
    ):
        await open(address)
    new = {"new_password1": "correct horse", "new_password2": "correct horse"}
    await open("/account/password_change/", {"old_password": "opensesame", **new})
    return seen

seen = asyncio.run(visit())
print(json.dumps({"seen": seen, "late": sorted(set(sys.modules) - started)}))
"""
# The client that plays the browser, and what it needs.
_BROWSER = ("django.test", "django.core.servers", "django.core.wsgi", "django.core.management.sql")


@pytest.fixture
def person_there(environment: Environment) -> Environment:
    """An installation with a user who has every view permission."""
    environment |= {"OPSPORTAL_HTTPS": "0", "OPSPORTAL_HOSTS": "testserver"}
    environment |= {"DJANGO_SETTINGS_MODULE": "opsportal.settings", "PYTHONPATH": str(ROOT)}
    environment |= {"DJANGO_SUPERUSER_PASSWORD": "opensesame"}
    made = manage(
        "createsuperuser", "--noinput", "--username=olga", "--email=olga@example.com",
        env=environment,
    )  # fmt: skip
    assert made.returncode == 0, made.stderr
    return environment


def test_it_imports_nothing_later_than_at_its_start(person_there: Environment) -> None:
    ended = subprocess.run(
        [sys.executable, "-c", VISIT],
        cwd=ROOT, env=person_there, capture_output=True, text=True, check=False, timeout=PATIENCE,
    )  # fmt: skip
    assert ended.returncode == 0, ended.stderr
    told = json.loads(ended.stdout.splitlines()[-1])
    assert told["seen"].count(200) >= 12 and 302 in told["seen"] and 404 in told["seen"]
    late = [
        name
        for name in told["late"]
        if name.partition(".")[0] not in sys.stdlib_module_names and not name.startswith(_BROWSER)
    ]
    assert late == []


def test_no_function_of_ours_imports() -> None:
    """It would import what is there when it is first called; Django calls `ready` at the start."""
    places = ("ops", "bot", "opsportal", "proto")
    sources = [source for place in places for source in (ROOT / place).rglob("*.py")]
    assert len(sources) > 200
    late = [
        f"{source.relative_to(ROOT)}:{inner.lineno}"
        for source in sources
        for outer in ast.walk(ast.parse(source.read_text()))
        if isinstance(outer, ast.FunctionDef | ast.AsyncFunctionDef) and outer.name != "ready"
        for inner in ast.walk(outer)
        if isinstance(inner, ast.Import | ast.ImportFrom) and "_pb2" not in source.name
    ]
    assert late == []
