"""The time line says when older entries are left out, of whatever kind."""

from collections.abc import Callable

import pytest
from django.test import AsyncClient

from ops.acknowledgements.actions import MOST_LISTED
from ops.actor import Actor, Door
from ops.alerts.models import HeldAlert
from ops.audit import chain
from ops.audit.models import Outcome
from ops.database import in_database
from ops.incidents.models import StoredIncident
from ops.overview import incidents
from ops.overview.timeline import MOST_ROWS
from ops.vocabulary import timerange
from tests.alerts.past import SITE
from tests.dashboard.places import Place, text

LINE = f"/sites/{SITE}/timeline/"
LEFT_OUT = "older entries are left out"
pytestmark = pytest.mark.django_db(transaction=True)


def refused(numbers: range) -> None:
    olga = Actor(1, "olga", Door.SLACK)
    for _ in numbers:
        chain.append(olga, "sampling.change_policy", f"{SITE}/petstore", Outcome.DENIED)


def held(numbers: range) -> None:
    now = timerange.now_ns()
    HeldAlert.objects.bulk_create(
        HeldAlert(
            site=SITE, name="Slow", fingerprint=f"{number}", person="olga", given_by="", note="",
            services=["petstore"], start=now - number, until=0, end=now, why="resolved",
        )
        for number in numbers
    )  # fmt: skip


def opened(numbers: range) -> None:
    now = timerange.now_ns()
    StoredIncident.objects.bulk_create(
        StoredIncident(
            site=SITE, number=number, title="slow", begins=now - number, opened_at=now - number,
            opener="olga", door="browser", closed_at=now, closer="olga", services=["petstore"],
        )
        for number in numbers
    )  # fmt: skip


@pytest.mark.parametrize(
    ("write", "most"),
    [(refused, MOST_ROWS + 1), (held, MOST_LISTED), (opened, incidents.MOST)],
    ids=["audit rows", "acknowledgements", "incidents"],
)
async def test_it_says_that_older_ones_are_left_out(
    place: Place, auditor: AsyncClient, write: Callable[[range], None], most: int
) -> None:
    await in_database(write, range(1, most))
    assert LEFT_OUT not in text(await auditor.get(LINE))
    await in_database(write, range(most, most + 1))
    assert LEFT_OUT in text(await auditor.get(f"{LINE}?service=petstore"))
