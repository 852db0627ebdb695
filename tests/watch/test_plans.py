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
from ops.incidents.store import several
from ops.sites import Service, Site
from ops.versions.watching import VersionHistory, stored
from ops.vocabulary import timerange
from ops.vocabulary.timerange import DAY, HOUR
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


@pytest.mark.parametrize(
    ("ago", "everything"),
    [
        pytest.param(HOUR, r"\(site=\? AND start<\?\)", id="lately, all before it"),
        pytest.param(29 * DAY, r"\(site=\? AND end>\?\)", id="long ago, all after it"),
    ],
)
def test_what_alerts_did_in_a_time_does_not_read(ago: int, everything: str) -> None:
    start = timerange.now_ns() - ago
    with CaptureQueriesContext(connection) as asked:
        read_during(SITE, [PETSTORE], {"key": "1" * 20}, start, start + HOUR)
        read_during(SITE, [PETSTORE], {"name": "Down"}, start, start + HOUR)
    plans = {each["sql"]: _plan(each["sql"]) for each in asked if _is_of_past(each["sql"])}
    assert len(plans) == 6, "of the service twice the same"
    whole = re.compile(f"{EVERYTHING.pattern}|{everything}", re.MULTILINE)
    assert not {sql: plan for sql, plan in plans.items() if whole.search(plan)}


def test_lists_of_incidents_read_no_more_than_they_show() -> None:
    with CaptureQueriesContext(connection) as asked:
        several("production", 0, 0, "", 9)
        several("production", NOON - HOUR, NOON, "petstore", 9)
    plans = [_plan(each["sql"]) for each in asked]
    assert len(plans) == 4
    assert "TEMP B-TREE" not in plans[1], "the closed ones, which are many"
    assert not [plan for plan in plans if "SCAN" in plan]


def _is_of_past(sql: str) -> bool:
    """Say whether a statement is about what there can be many periods of: not of sources."""
    return bool(re.match(r'(SELECT|DELETE).*"(alerts|versions)_\w+period"', sql))


def _plan(sql: str) -> str:
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN QUERY PLAN {sql}".replace("%", "%%"))
        return "\n".join(step[3] for step in cursor.fetchall())
