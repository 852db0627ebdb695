"""A site with a petstore that fired and was rolled back, and a reader of it."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import AsyncClient

from ops.actor import Actor
from ops.alerts.models import AlertPeriod
from ops.database import in_database
from ops.incidents import actions
from ops.incidents.actions import Incident
from ops.incidents.models import StoredIncident
from ops.vocabulary import timerange
from ops.vocabulary.alerts import FIRING, PENDING
from ops.vocabulary.timerange import MINUTE
from tests.alerts.making import alert as made
from tests.alerts.past import period, watched
from tests.conftest import Person, SiteFile
from tests.fakes.prometheus import FakePrometheus

SITE = """
[sites.production]
default_service = "petstore"
[[sites.production.prometheus]]
name = "main"
url = "{prometheus.url}"
[sites.production.services.petstore]
alerts = {{ job = "petstore" }}
[sites.production.services.store]
alerts = {{ job = "store" }}
[sites.staging]
"""
DEEP = made("QueueDeep", {"job": "petstore", "severity": "critical"}, sources=("main",),
            annotations={"summary": "depth <b>412</b> over 100"})  # fmt: skip
ELSEWHERE = made("StoreDown", {"job": "store"}, sources=("main",))


@pytest.fixture
async def prometheus(site_file: SiteFile) -> AsyncIterator[FakePrometheus]:
    async with FakePrometheus() as fake:
        site_file(SITE.format(prometheus=fake))
        yield fake


@pytest.fixture
def bob(person: Person) -> User:
    return person("bob", "operators")


@pytest.fixture
def browser(bob: User) -> AsyncClient:
    """The browser of an operator."""
    return logged_in(bob)


def logged_in(user: User) -> AsyncClient:
    client = AsyncClient()
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    return client


def fired(quiet: float) -> None:
    """Let QueueDeep have fired for 19 minutes, until so many minutes ago, while somebody watched.

    StoreDown, which is no alert of petstore, fires still.
    """
    now = timerange.now_ns()
    end = now - round(quiet * MINUTE)
    start = end - 19 * MINUTE
    watched(now - 2 * timerange.HOUR, now, "main")
    period(DEEP, PENDING, start - MINUTE, start)
    period(DEEP, FIRING, start, end)
    period(ELSEWHERE, FIRING, start, None)


async def quiet_incident(actor: Actor, quiet: float = 4, **given: Any) -> Incident:
    """Open an incident about QueueDeep, which has been quiet for so many minutes."""
    await in_database(fired, quiet)
    made = await actions.open_incident(actor, title="petstore slow", services=["petstore"], **given)
    await in_database(_begin, made.number)
    return await actions.show_incident(actor, number=made.number)


def _begin(number: int) -> None:
    """Let it begin with the alert, as it would if that still fired."""
    first = AlertPeriod.objects.filter(name="QueueDeep", state=FIRING).earliest("start")
    StoredIncident.objects.filter(number=number).update(begins=first.start)
