"""Alerts and broken rules, as Prometheus, Thanos and VictoriaMetrics list them."""

import pytest

from ops.vocabulary.alerts import Alert, Origin
from tests.backends.prometheus.conftest import Client
from tests.fakes.prometheus import FakePrometheus, alert


async def test_it_returns_alerts_with_their_rule(
    client: Client, fake_prometheus: FakePrometheus
) -> None:
    text = {"summary": "it is slow"}
    fake_prometheus.rule(
        "Slow", alert("Slow", "pending", severity="page", annotations=text), group="petstore"
    )
    [found] = (await client().rules()).alerts
    assert found == (
        Alert(
            name="Slow",
            state="pending",
            value="1e+00",
            active_at=1795469264_568674523,
            labels={"alertname": "Slow", "severity": "page"},
            annotations=text,
            sources=("main",),
            group="petstore",
            rule_health="ok",
            native_state="pending",
            fingerprint=Origin("production", "main").fingerprint(
                "petstore", "Slow", {"alertname": "Slow", "severity": "page"}
            ),
        )
    )


async def test_it_names_rules_that_cannot_be_evaluated(
    client: Client, fake_prometheus: FakePrometheus
) -> None:
    fake_prometheus.rule("ManyToMany", health="err", error="found duplicate series")
    fake_prometheus.rule("Fine")
    fake_prometheus.rule("New", health="unknown")
    rules = await client().rules()
    assert rules.alerts == ()
    told = {rule.name: (rule.health, rule.error, rule.recording) for rule in rules.rules or ()}
    assert told == {
        "ManyToMany": ("err", "found duplicate series", False),
        "Fine": ("ok", "", False),
        "New": ("unknown", "", False),
        "Quiet": ("ok", "", False),
    }
    assert {rule.evaluated_at for rule in rules.rules or () if rule.name == "New"} == {0}
    assert rules.at > 0


async def test_it_reads_recording_rules(client: Client, fake_prometheus: FakePrometheus) -> None:
    recording = {"type": "recording", "name": "job:up:sum", "query": "up", "health": "err"}
    fake_prometheus.groups.append({"name": "records", "rules": [recording]})
    rules = await client().rules()
    assert ("job:up:sum", True) in {(rule.name, rule.recording) for rule in rules.rules or ()}


async def test_it_falls_back_to_the_alerts_where_rules_are_missing(
    client: Client, fake_prometheus: FakePrometheus
) -> None:
    fake_prometheus.rule("Slow", alert("Slow"))
    fake_prometheus.missing.add("/api/v1/rules")
    (found,) = (await client().rules()).alerts
    assert (found.name, found.group, found.rule_health) == ("Slow", "", "unknown")


@pytest.mark.parametrize(
    ("text", "nanoseconds"),
    [
        ("2018-07-04T20:27:12.60602144+02:00", 1530728832_606021440),
        ("2026-11-23T21:27:44.568674523Z", 1795469264_568674523),
        ("2026-11-23T21:27:44Z", 1795469264_000000000),
        ("0001-01-01T00:00:00Z", 0),
    ],
)
async def test_it_reads_times_to_the_nanosecond(
    client: Client, fake_prometheus: FakePrometheus, text: str, nanoseconds: int
) -> None:
    fake_prometheus.rule("Slow", alert("Slow", active_at=text))
    (found,) = (await client().rules()).alerts
    assert found.active_at == nanoseconds


async def test_it_reads_what_thanos_leaves_out(
    client: Client, fake_prometheus: FakePrometheus
) -> None:
    item = {"labels": {"alertname": "A"}, "state": "firing", "value": "1e+00"}
    rule = {"name": "A", "health": "ok", "type": "alerting", "alerts": [item]}
    body = {"groups": [{"name": "g", "partialResponseStrategy": "WARN", "rules": [rule]}]}
    warnings = ["no StoreAPIs matched"]
    fake_prometheus.raw["/api/v1/rules"] = {
        "status": "success", "data": body, "warnings": warnings
    }  # fmt: skip
    rules = await client().rules()
    assert rules.warnings == ("no StoreAPIs matched",)
    assert (rules.alerts[0].active_at, dict(rules.alerts[0].annotations)) == (0, {})


async def test_it_reads_what_victoriametrics_says_differently(
    client: Client, fake_prometheus: FakePrometheus
) -> None:
    item = {
        "state": "firing", "name": "A", "value": "0.073", "id": "5", "group_id": "9",
        "expression": "up == 0", "activeAt": "2026-11-23T21:27:44Z", "restored": False,
    }  # fmt: skip
    quiet = {"name": "B", "type": "alerting", "health": "no match", "keep_firing_for": 0}
    rule = {"name": "A", "type": "alerting", "health": "ok", "alerts": [item]}
    data = {"groups": [{"name": "g", "rules": [rule, quiet]}, {"name": "empty", "rules": None}]}
    fake_prometheus.raw["/api/v1/rules"] = {"status": "success", "data": data}
    rules = await client().rules()
    assert [(found.name, found.value) for found in rules.alerts] == [("A", "0.073")]
    assert {rule.health for rule in rules.rules or ()} == {"ok"}


async def test_it_reads_thousands_of_alerts_whole(
    client: Client, fake_prometheus: FakePrometheus
) -> None:
    many = [alert("Slow", instance=f"10.0.{n // 250}.{n % 250}") for n in range(2_000)]
    fake_prometheus.rule("Slow", *many)
    rules = await client().rules()
    assert len({found.labels["instance"] for found in rules.alerts}) == 2_000
