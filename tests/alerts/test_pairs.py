"""Sources of an HA pair: their alerts are one, and where they differ is said."""

import pytest

from ops.actor import Actor
from ops.alerts.actions import list_alerts
from tests.conftest import SiteFile
from tests.fakes.prometheus import FakePrometheus, Fault, alert

pytestmark = pytest.mark.django_db(transaction=True)
SITE = """
[[sites.production.prometheus]]
name = "a"
url = "{first}"
pair = "shop"
replica_labels = ["replica"]
[[sites.production.prometheus]]
name = "b"
url = "{second}"
pair = "shop"
replica_labels = ["replica"]
"""


@pytest.fixture(autouse=True)
def site(site_file: SiteFile, prometheus: FakePrometheus, second: FakePrometheus) -> None:
    site_file(SITE.format(first=prometheus.url, second=second.url))


async def test_their_alerts_are_one_without_the_replicas_label(
    viewer: Actor, prometheus: FakePrometheus, second: FakePrometheus
) -> None:
    prometheus.rule("Slow", alert("Slow", replica="0", active_at="2026-11-24T12:00:02Z"))
    second.rule("Slow", alert("Slow", replica="1", active_at="2026-11-24T12:00:01Z"))
    [found] = (await list_alerts(viewer)).alerts
    assert sorted(found.sources) == ["a", "b"]
    assert (found.labels, found.disagree) == ({"alertname": "Slow"}, "")
    assert found.active_at == 1_795_521_601_000_000_000


async def test_they_disagree_on_the_state(
    viewer: Actor, prometheus: FakePrometheus, second: FakePrometheus
) -> None:
    prometheus.rule("Slow", alert("Slow", "pending", replica="0"))
    second.rule("Slow", alert("Slow", replica="1"))
    [found] = (await list_alerts(viewer)).alerts
    assert (found.state, found.disagree) == ("firing", "pending in a, firing in b")


async def test_it_recovers_only_when_it_does_in_each_that_is_firing(
    viewer: Actor, prometheus: FakePrometheus, second: FakePrometheus
) -> None:
    kept = {"keepFiringSince": "2026-11-24T12:00:00Z"}
    prometheus.rule("Slow", alert("Slow", n="1") | kept, alert("Slow", n="2") | kept)
    second.rule("Slow", alert("Slow", n="1"), alert("Slow", n="2") | kept)
    found = (await list_alerts(viewer)).alerts
    assert {each.labels["n"]: each.recovering for each in found} == {"1": False, "2": True}


async def test_only_one_of_them_reports_it(
    viewer: Actor, prometheus: FakePrometheus, second: FakePrometheus
) -> None:
    second.rule("Slow", alert("Slow"))
    [found] = (await list_alerts(viewer)).alerts
    assert (found.sources, found.disagree) == (("b",), "not in a")


async def test_one_that_does_not_answer_does_not_disagree(
    viewer: Actor, prometheus: FakePrometheus, second: FakePrometheus
) -> None:
    prometheus.fault = Fault.INTERNAL
    second.rule("Slow", alert("Slow"))
    [found] = (await list_alerts(viewer)).alerts
    assert (found.sources, found.disagree) == (("b",), "")


async def test_others_stay_apart(
    viewer: Actor, site_file: SiteFile, prometheus: FakePrometheus, second: FakePrometheus
) -> None:
    site_file(SITE.replace('pair = "shop"', "").format(first=prometheus.url, second=second.url))
    prometheus.rule("Slow", alert("Slow"))
    second.rule("Slow", alert("Slow"))
    found = await list_alerts(viewer)
    assert sorted(each.sources for each in found.alerts) == [("a",), ("b",)]


async def test_broken_rules_are_told_once(
    viewer: Actor, prometheus: FakePrometheus, second: FakePrometheus
) -> None:
    for source in (prometheus, second):
        source.rule("Odd", health="err", error="many-to-many")
    [broken] = (await list_alerts(viewer)).broken_rules
    assert (broken.name, sorted(broken.sources)) == ("Odd", ["a", "b"])
