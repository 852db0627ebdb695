"""What every room's tests share: a site file, people, actors."""

import asyncio
import os
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.apps import apps
from django.contrib.auth.models import Group, Permission, User
from django.contrib.contenttypes.management import create_contenttypes
from django.contrib.contenttypes.models import ContentType
from django.core.cache import cache
from django.core.management import call_command
from django.db import connection, connections, transaction
from django.db.models import Model
from django.db.models.signals import post_migrate
from hypothesis import HealthCheck
from hypothesis import settings as hypothesis
from pytest_django import DjangoDbBlocker, Settings

from ops import guard, rights
from ops.actor import Actor, Door, new_request_id
from ops.backends.clients import close_clients
from ops.watch.picture import pictures
from opsportal.dashboard import recents
from tests.fakes.instance import FakeInstance, fake_instance
from tests.fakes.jaeger import FakeJaeger, Release

SiteFile = Callable[[str], Path]
Person = Callable[..., User]
Petstores = list[FakeInstance]
_NO_PARAMETERS = SimpleNamespace(params={})

# A busy machine is not a failure. The examples are the same each time, so that a test fails
# because of a change, not by chance; `make chaos` tries others.
hypothesis.register_profile(
    "opsportal", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow]
)
hypothesis.register_profile("chaos", hypothesis.get_profile("opsportal"), derandomize=False)
hypothesis.load_profile("opsportal")


def pytest_xdist_auto_num_workers() -> int:
    """Twice as many as cores: half of the time a test waits, mostly for what it started."""
    return 2 * (os.cpu_count() or 1)


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> None:
    """Begin with empty tables, and leave them empty when a test's rows are flushed.

    Django writes the content types and permissions of all models after each flush, which is most
    of what a short test costs; nothing here goes by Django's permissions.
    """
    post_migrate.disconnect(dispatch_uid="django.contrib.auth.management.create_permissions")
    post_migrate.disconnect(create_contenttypes)
    with django_db_blocker.unblock():
        _triggers("DISABLE")
        call_command("flush", interactive=False, verbosity=0)


@pytest.fixture(autouse=True)
async def fresh_process() -> AsyncIterator[None]:
    """Begin as a new process does: nothing cached, no connections, a request id."""
    rights.cache.clear()
    guard.refused_lately.clear()
    pictures.clear()
    cache.clear()
    ContentType.objects.clear_cache()
    new_request_id()
    yield
    await asyncio.gather(*recents.writing)
    await close_clients()
    # What a test asked Django's async methods outside of a request holds a session open, and a
    # database in use cannot be dropped.
    await sync_to_async(connections.close_all)()


@pytest.fixture
def site_file(tmp_path: Path, settings: Settings) -> SiteFile:
    """Write a site file and make it the one in use."""

    def write(text: str) -> Path:
        number = len(list(tmp_path.glob("sites*.toml")))
        path = tmp_path / f"sites{number}.toml"
        path.write_text(text, encoding="utf-8")
        settings.SITES_FILE = str(path)
        return path

    return write


@pytest.fixture
def release() -> Release:
    """The release that the fake Jaeger behaves as; `EITHER_JAEGER` asks for two."""
    return "2.20"


@pytest.fixture
async def jaeger(request: pytest.FixtureRequest, release: Release) -> AsyncIterator[FakeJaeger]:
    """A fake Jaeger; tests that list traces say of which releases, as lists come in two ways."""
    async with FakeJaeger(release) as fake:
        yield fake
    says_which = "release" in getattr(request.node, "callspec", _NO_PARAMETERS).params
    if fake.lists() and not says_which:
        pytest.fail("this test lists traces: put @EITHER_JAEGER or @ANY_JAEGER before it")


@pytest.fixture
async def petstores(site_file: SiteFile) -> AsyncIterator[Petstores]:
    """Three instances of the default service; `orders` has none."""
    async with AsyncExitStack() as stack:
        found = [await stack.enter_async_context(fake_instance()) for _ in range(3)]
        found.sort(key=lambda instance: instance.address)
        addresses = ", ".join(f'"{instance.address}"' for instance in found)
        site_file(
            f"""
            [sites.demo]
            default_service = "petstore"
            [sites.demo.services.petstore]
            instances = [{addresses}]
            [sites.demo.services.orders]
            """
        )
        yield found


@pytest.fixture
def person(transactional_db: None) -> Person:
    """Make a user in the named groups: `person("alice", "operators")`."""
    _make_groups()

    def make(name: str = "alice", *groups: str, **attributes: Any) -> User:
        user = User.objects.create_user(name, f"{name}@example.com", "opensesame", **attributes)
        user.groups.set(Group.objects.filter(name__in=groups))
        assert user.groups.count() == len(groups), f"not all of {groups} exist"
        return user

    return make


_GROUPS: dict[type[Model], list[Any]] = {}


def _make_groups() -> None:
    """Make the migrations' groups again, which emptying the database takes along.

    Their rows are the same each time, so they are written at once after the first.
    """
    with transaction.atomic():
        if _GROUPS and connection.vendor == "sqlite" and not ContentType.objects.exists():
            for model, rows in _GROUPS.items():
                model._default_manager.bulk_create(rows)
            return
        import_module("opsportal.migrations.0001_groups").make_groups(apps, None)
        import_module("opsportal.migrations.0003_approvers").make_group(apps, None)
        import_module("opsportal.migrations.0005_silencers").allow(apps, None)
        import_module("opsportal.migrations.0006_on_call").allow(apps, None)
        for model in (ContentType, Permission, Group, Group.permissions.through):
            _GROUPS[model] = list(model._default_manager.all())


@pytest.fixture
def operator(person: Person) -> Actor:
    """Somebody who may see and change everything but the audit log."""
    return actor_of(person("olga", "operators"))


@pytest.fixture
def viewer(person: Person) -> Actor:
    """Somebody who may see but not change."""
    return actor_of(person("victor", "viewers"))


@pytest.fixture
def stranger() -> Actor:
    """Nobody we know."""
    return Actor(None, "", Door.GRPC)


def actor_of(user: User, door: Door = Door.BROWSER) -> Actor:
    """The user at a door."""
    return Actor(user.pk, user.get_username(), door)


@pytest.fixture(autouse=True)
def audit_log_can_be_emptied(request: pytest.FixtureRequest) -> Iterator[None]:
    """Lift PostgreSQL's triggers while the database is emptied between tests."""
    uses_database = {"transactional_db", "person"} & set(request.fixturenames)
    marker = request.node.get_closest_marker("django_db")
    if not uses_database and not (marker and marker.kwargs.get("transaction")):
        yield
        return
    request.getfixturevalue("transactional_db")
    _triggers("ENABLE")
    yield
    _triggers("DISABLE")


def _triggers(verb: str) -> None:
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute(f"ALTER TABLE audit_auditentry {verb} TRIGGER USER")
