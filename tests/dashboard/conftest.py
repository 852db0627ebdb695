from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from django.test import AsyncClient
from pytest_django import Settings

from tests.conftest import Person, SiteFile
from tests.dashboard.places import SITES, Place
from tests.fakes.instance import fake_instance
from tests.fakes.jaeger import FakeJaeger
from tests.fakes.prometheus import FakePrometheus


@pytest.fixture
async def place(site_file: SiteFile, jaeger: FakeJaeger) -> AsyncIterator[Place]:
    """Two sites; production has a Jaeger, a Prometheus and two instances of petstore."""
    async with (
        FakePrometheus() as prometheus,
        fake_instance() as first,
        fake_instance() as second,
    ):
        site_file(
            SITES.format(
                jaeger=jaeger.address,
                prometheus=prometheus.url,
                first=first.address,
                second=second.address,
            )
        )
        yield Place(jaeger, prometheus, first, second)


@pytest.fixture
def ceiling(place: Place, site_file: SiteFile, settings: Settings) -> Place:
    """The same with a ceiling of 50 traces a second, and 200 requests a second."""
    asked = 'requests = "requests"\n'
    text = Path(settings.SITES_FILE).read_text()
    site_file(text.replace(asked, f"{asked}sampling_ceiling = 50\n"))
    place.prometheus.says("requests", ({}, 200.0))
    return place


def logged_in(user: User) -> AsyncClient:
    client = AsyncClient()
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    return client


@pytest.fixture
def viewer(person: Person) -> AsyncClient:
    return logged_in(person("victor", "viewers"))


@pytest.fixture
def operator(person: Person) -> AsyncClient:
    return logged_in(person("olga", "operators"))


@pytest.fixture
def auditor(person: Person) -> AsyncClient:
    return logged_in(person("ada", "viewers", "auditors"))


@pytest.fixture
def newcomer(person: Person) -> AsyncClient:
    """A user who can log in but has no permissions."""
    return logged_in(person("nina"))


@pytest.fixture
def stranger(transactional_db: None) -> AsyncClient:
    return AsyncClient()
