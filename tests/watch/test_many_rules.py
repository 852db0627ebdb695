"""Many rules are heavy to read: alerts are read at each poll, rules once a minute."""

from dataclasses import replace

import pytest

from ops.alerts.watching import ALERTS, MANY_RULES, RULES_FOR
from ops.backends.clients import close_clients
from ops.backends.prometheus import Rules
from ops.errors import BackendUnavailable
from ops.sites import Site, sites
from tests.fakes.prometheus import FakePrometheus, Fault, alert

pytestmark = [pytest.mark.usefixtures("site")]


@pytest.fixture
def many(first: FakePrometheus) -> FakePrometheus:
    for number in range(MANY_RULES):
        first.rule(f"Quiet{number}", group="many")
    return first


async def poll(before: Rules | None) -> Rules:
    # Without the client's answers of the last second.
    await close_clients()
    site: Site = sites().site("production")
    return await ALERTS.poll(site, "shop-a", before)


async def test_it_reads_the_rules_once_and_then_only_alerts(many: FakePrometheus) -> None:
    read = await poll(None)
    many.groups[0]["rules"][7]["alerts"] = [alert("Quiet7", pod="one")]
    later = await poll(await poll(read))
    assert many.paths == ["/api/v1/rules", "/api/v1/alerts", "/api/v1/alerts"]
    [found] = later.alerts
    assert (found.group, found.rule_health) == ("many", "ok")
    assert later.rules == read.rules
    again = await poll(None)
    assert again.alerts[0].fingerprint == found.fingerprint, "it is the same alert"


async def test_it_reads_few_rules_each_time(first: FakePrometheus) -> None:
    first.rule("Down")
    await poll(await poll(None))
    assert first.paths == ["/api/v1/rules", "/api/v1/rules"]


@pytest.mark.parametrize("name", ["Quiet7", "Unheard"])
async def test_it_reads_the_rules_at_once_if_an_alert_may_be_of_several_or_of_none(
    many: FakePrometheus, name: str
) -> None:
    if name == "Quiet7":
        rule = many.rule(name, group="other")
    read = await poll(None)
    if name == "Unheard":
        rule = many.rule(name, group="other")
    many.paths.clear()
    rule["alerts"] = [alert(name)]
    found = await poll(read)
    assert many.paths == ["/api/v1/alerts", "/api/v1/rules"]
    assert found.alerts[0].group == "other"


async def test_labels_tell_rules_of_one_name_apart(many: FakePrometheus) -> None:
    page = many.rule("Slow", group="page", labels={"severity": "page", "pod": "{{ $labels.pod }}"})
    many.rule("Slow", group="mail", labels={"severity": "mail"})
    read = await poll(None)
    page["alerts"] = [alert("Slow", severity="page", pod="one")]
    [found] = (await poll(read)).alerts
    assert found.group == "page"
    assert many.paths[-1] == "/api/v1/alerts"


async def test_it_reads_the_rules_again_after_a_minute(many: FakePrometheus) -> None:
    read = await poll(None)
    await poll(replace(read, rules_at=read.rules_at - RULES_FOR))
    assert many.paths == ["/api/v1/rules", "/api/v1/alerts", "/api/v1/rules"]


async def test_it_reads_the_rules_again_if_the_source_set_its_clock_back(
    many: FakePrometheus,
) -> None:
    read = await poll(None)
    await poll(replace(read, rules_at=read.rules_at + 60 * RULES_FOR))
    assert many.paths == ["/api/v1/rules", "/api/v1/alerts", "/api/v1/rules"]


async def test_it_asks_a_source_that_does_not_answer_once(many: FakePrometheus) -> None:
    read = await poll(None)
    many.fault = Fault.CUT_OFF
    many.paths.clear()
    with pytest.raises(BackendUnavailable):
        await poll(read)
    assert {*many.paths} == {"/api/v1/alerts"}


async def test_it_reads_the_rules_of_a_source_that_lists_no_alerts(many: FakePrometheus) -> None:
    read = await poll(None)
    many.missing = {"/api/v1/alerts"}
    found = await poll(read)
    assert [each.name for each in found.rules or ()] == [each.name for each in read.rules or ()]
