"""What Prometheus, Thanos, Mimir, VictoriaMetrics and Grafana write, as a list of alerts.

One odd alert costs itself and not its source.
"""

from typing import Any

import pytest

from ops.actor import Actor
from ops.alerts.actions import AlertList, list_alerts
from ops.alerts.truth import Reason
from ops.vocabulary.alert_filters import parse_filter
from tests.conftest import SiteFile
from tests.fakes.prometheus import Body, FakePrometheus, alert

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def site(site_file: SiteFile, prometheus: FakePrometheus) -> None:
    site_file(f'[sites.production]\nprometheus = {{ name = "main", url = "{prometheus.url}" }}')


def reasons(found: AlertList) -> list[Reason]:
    return [doubt.reason for doubt in found.doubts]


@pytest.mark.parametrize(
    ("given", "state", "said"),
    [
        ({"state": "Alerting"}, "firing", ""),
        ({"state": "Alerting (NoData)"}, "firing", "no data"),
        ({"state": "NoData"}, "firing", "no data"),
        ({"state": "Error"}, "firing", "error"),
        ({"state": "Recovering"}, "firing", "recovering"),
        ({"stabilizing": True}, "firing", "recovering"),
        ({"stabilizing": False}, "firing", ""),
        ({"keepFiringSince": "2026-11-24T12:00:00Z"}, "firing", "recovering"),
        ({"keepFiringSince": "0001-01-01T00:00:00Z"}, "firing", ""),
        ({"state": "Pending"}, "pending", ""),
        ({"state": "unheard of"}, "firing", 'state "unheard of"'),
        ({"state": None}, "firing", "state not given"),
        ({"state": 7}, "firing", 'state "7"'),
    ],
)
async def test_it_lists_every_state_that_is_an_alert(
    viewer: Actor, prometheus: FakePrometheus, given: Body, state: str, said: str
) -> None:
    prometheus.rule("A", {**alert("A"), **given})
    [found] = (await list_alerts(viewer)).alerts
    assert (found.state, found.said) == (state, said)


@pytest.mark.parametrize("state", ["Error", "Alerting (Error)", "Normal (Error)"])
async def test_an_alert_in_the_state_error_means_that_its_rule_is_broken(
    viewer: Actor, prometheus: FakePrometheus, state: str
) -> None:
    prometheus.rule("A", alert("A", state), alert("A", job="other"))
    found = await list_alerts(viewer)
    [broken] = found.broken_rules
    assert (broken.name, broken.error[:16]) == ("A", "its query failed")
    assert {each.rule_health for each in found.alerts} == {"err"}
    assert Reason.BROKEN in reasons(found)


@pytest.mark.parametrize("state", ["inactive", "Normal", "Normal (MissingSeries)"])
async def test_it_lists_none_that_is_not(
    viewer: Actor, prometheus: FakePrometheus, state: str
) -> None:
    prometheus.rule("A", alert("A", state))
    found = await list_alerts(viewer)
    assert (found.alerts, found.headline()) == ((), "Nothing is firing")


@pytest.mark.parametrize(
    "odd",
    [None, "oops", 5, [], {"labels": "team=a"}, {"labels": ["a"]}, {"annotations": "text"}],
    ids=str,
)
async def test_an_alert_that_cannot_be_read_costs_itself(
    viewer: Actor, prometheus: FakePrometheus, odd: Any
) -> None:
    prometheus.rule("A", alert("A", n="1"), odd, alert("A", n="2"))
    prometheus.rule("B", alert("B"))
    found = await list_alerts(viewer)
    assert sorted(each.name for each in found.alerts) == ["A", "A", "B"]
    [doubt] = found.doubts
    assert doubt.sentence == "1 alert of rule A in group demo of main cannot be read"


@pytest.mark.parametrize("odd", [None, "oops", 5, []], ids=str)
async def test_a_rule_that_cannot_be_read_costs_itself(
    viewer: Actor, prometheus: FakePrometheus, odd: Any
) -> None:
    prometheus.rule("A", alert("A"))
    healthy = prometheus.groups[0]["rules"]
    groups = [{"name": "demo", "rules": [*healthy, odd]}, odd]
    prometheus.raw["/api/v1/rules"] = {"status": "success", "data": {"groups": groups}}
    found = await list_alerts(viewer)
    assert [each.name for each in found.alerts] == ["A"]
    assert set(reasons(found)) == {Reason.UNREADABLE}


@pytest.mark.parametrize(
    ("value", "text", "words"),
    [
        ("2.2797927461139897e-01", "2.2797927461139897e-01", "0.228"),
        (None, "", ""),
        (True, "true", "true"),
        ({"count": "3", "sum": "5"}, "a histogram", "a histogram"),
        ("NaN", "NaN", "not a number"),
        (12, "12", "12"),
    ],
)
async def test_it_shows_a_value_without_words_of_python(
    viewer: Actor, prometheus: FakePrometheus, value: Any, text: str, words: str
) -> None:
    prometheus.rule("A", {**alert("A"), "value": value})
    [found] = (await list_alerts(viewer)).alerts
    assert (found.value, found.value_in_words) == (text, words)


async def test_it_shows_labels_as_json_writes_them(
    viewer: Actor, prometheus: FakePrometheus
) -> None:
    labels = {"alertname": "A", "n": 1, "b": True, "x": None, "list": ["é"]}
    prometheus.rule("A", {**alert("A"), "labels": labels})
    [found] = (await list_alerts(viewer)).alerts
    assert found.labels == {"alertname": "A", "n": "1", "b": "true", "x": "", "list": '["é"]'}


@pytest.mark.parametrize(
    "since", [1530728832.606, "yesterday", "now-1h", "0001-01-01T00:00:00Z", {}]
)
async def test_a_start_that_cannot_be_read_is_unknown(
    viewer: Actor, prometheus: FakePrometheus, since: Any
) -> None:
    prometheus.rule("A", {**alert("A"), "activeAt": since})
    [found] = (await list_alerts(viewer)).alerts
    assert found.active_at == 0


async def test_it_asks_for_alerts_where_there_are_no_rules(
    viewer: Actor, prometheus: FakePrometheus
) -> None:
    prometheus.has_rules = False
    prometheus.raw["/api/v1/alerts"] = {"status": "success", "data": {"alerts": [alert("A")]}}
    found = await list_alerts(viewer)
    assert [each.name for each in found.alerts] == ["A"]
    assert reasons(found) == [Reason.NO_RULES]


async def test_a_source_without_rules_is_not_green(
    viewer: Actor, prometheus: FakePrometheus
) -> None:
    prometheus.raw["/api/v1/rules"] = {"status": "success", "data": {"groups": None}}
    found = await list_alerts(viewer)
    assert found.headline() == ("Nothing is firing that we know of: main has no alerting rules")


async def test_further_pages_are_not_known(viewer: Actor, prometheus: FakePrometheus) -> None:
    data = {"groups": prometheus.groups, "groupNextToken": "abc"}
    prometheus.rule("A", alert("A"))
    prometheus.raw["/api/v1/rules"] = {"status": "success", "data": data}
    found = await list_alerts(viewer)
    assert found.headline() == "1 alert firing that we know of"
    assert reasons(found) == [Reason.PARTIAL]


async def test_watchdogs_and_quiet_alerts_are_listed_for_who_asks(
    viewer: Actor, prometheus: FakePrometheus
) -> None:
    for name in ("Watchdog", "InfoInhibitor", "Slow"):
        prometheus.rule(name, alert(name))
    found = await list_alerts(viewer)
    assert [each.name for each in found.alerts] == ["Slow"]
    assert [each.name for each in found.watchdogs] == ["Watchdog"]
    assert found.headline() == "1 alert firing"
    for line, names in {
        "alertname=Watchdog": ["Watchdog"],
        "alertname=~Info.*": ["InfoInhibitor"],
        "alertname!=Slow": [],
        "alertname": ["Slow"],
    }.items():
        listed = await list_alerts(viewer, filter=parse_filter(line))
        assert [each.name for each in listed.alerts] == names, line


async def test_a_watchdog_that_is_not_firing_is_a_doubt_whatever_the_filter(
    viewer: Actor, prometheus: FakePrometheus
) -> None:
    prometheus.rule("Watchdog")
    assert reasons(await list_alerts(viewer, filter=parse_filter("x=y"))) == [Reason.WATCHDOG]
