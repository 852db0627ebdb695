"""However long the past of a site is, SQLite reads only the part of it that is asked for."""

import re
from collections.abc import Callable
from dataclasses import replace

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from ops.alerts import history
from ops.alerts.changes import read_changes
from ops.alerts.during import read_during
from ops.alerts.group_strips import StripOf, strips
from ops.alerts.watching import AlertHistory
from ops.sites import Service, Site
from ops.versions.watching import VersionHistory, stored
from ops.vocabulary.timerange import HOUR
from ops.watch.pruning import prune
from tests.alerts.making import NOON
from tests.alerts.past import period
from tests.watch.test_pruning import DOWN, MODELS, site

SITE = Site("production", None, (), {}, "")
PETSTORE = Service("petstore", "petstore", alerts={"job": "petstore"})
GROUPS = {"": StripOf(names=("Down",), fingerprints=("1" * 20,), sources=("a",))}
# All of a site's rows: the index of what has no end has no others.
EVERYTHING = re.compile(r"SCAN (?!CONSTANT)|(?<!_open) \(site=\?\)$", re.MULTILINE)

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.skipif(connection.vendor != "sqlite", reason="another database plans differently"),
]


@pytest.mark.parametrize(
    "ask",
    [
        lambda: prune(MODELS, NOON - HOUR, 9),
        lambda: AlertHistory(SITE).resume(),
        lambda: VersionHistory(SITE).resume(),
        lambda: read_changes(SITE, None, NOON - HOUR, NOON, 20),
        lambda: read_changes(SITE, PETSTORE, NOON - HOUR, NOON, 20),
        lambda: read_during(SITE, [PETSTORE], {"key": "1" * 20}, NOON - HOUR, NOON),
        lambda: stored("production", [Service("petstore", "petstore")], NOON),
        lambda: history.past("production", "1" * 20, ["a"], NOON),
        lambda: strips("production", GROUPS, 6 * HOUR, NOON, lambda _: ""),
    ],
    ids=[
        "prune",
        "alerts",
        "versions",
        "changes",
        "changes of a service",
        "an incident",
        "rollouts",
        "an alert",
        "strips",
    ],
)
def test_it_does_not_read_everything(ask: Callable[[], object]) -> None:
    site("production", NOON)
    for number in range(30):
        start = NOON - number * HOUR
        period(replace(DOWN, fingerprint=f"{number:020}"), "firing", start, start + 1)
    with CaptureQueriesContext(connection) as asked:
        ask()
    plans = {each["sql"]: _plan(each["sql"]) for each in asked if _is_of_past(each["sql"])}
    assert plans
    assert not {sql: plan for sql, plan in plans.items() if EVERYTHING.search(plan)}


def test_the_alerts_of_an_incident_are_not_looked_for_from_the_first_one_on() -> None:
    period(DOWN, "firing", NOON - HOUR, NOON)
    with CaptureQueriesContext(connection) as asked:
        read_during(SITE, [PETSTORE], {"key": "1" * 20}, NOON - HOUR, NOON)
    plans = [_plan(each["sql"]) for each in asked if _is_of_past(each["sql"])]
    assert plans
    assert not [plan for plan in plans if "alert_by_start" in plan]


def _is_of_past(sql: str) -> bool:
    """Say whether a statement is about what there can be many periods of: not of sources."""
    return bool(re.match(r'(SELECT|DELETE).*"(alerts|versions)_\w+period"', sql))


def _plan(sql: str) -> str:
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN QUERY PLAN {sql}".replace("%", "%%"))
        return "\n".join(step[3] for step in cursor.fetchall())
