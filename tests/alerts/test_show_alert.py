"""One alert: now, or as it was last; its rule, its times, and its past."""

import pytest
from pytest_django import Settings

from ops.actor import Actor
from ops.alerts.actions import list_alerts, list_changes, show_alert
from ops.alerts.changes import Kind
from ops.alerts.one import ShownAlert, State
from ops.database import in_database
from ops.errors import BackendUnavailable, NotFound
from ops.vocabulary import timerange
from ops.vocabulary.alerts import FIRING, PENDING, Alert
from ops.vocabulary.timerange import HOUR, MINUTE, SECOND, format_moment
from tests.alerts.making import alert as made
from tests.alerts.past import answered, broken, period, watched
from tests.conftest import SiteFile
from tests.fakes.prometheus import FakePrometheus, Fault, alert

pytestmark = pytest.mark.django_db(transaction=True)
NOW = timerange.now_ns()
GONE = made("Gone", {"pod": "one"}, group="demo", sources=("main",), active_at=NOW - 2 * HOUR)


@pytest.fixture(autouse=True)
def site(site_file: SiteFile, prometheus: FakePrometheus, settings: Settings) -> None:
    settings.POLL_SECONDS = 5
    site_file(
        f'[sites.production]\nprometheus = {{ name = "main", url = "{prometheus.url}", '
        'ui = "https://prometheus.example.com" }'
    )


async def remember(given: Alert, state: str, start: int, end: int | None) -> None:
    await in_database(period, given, state, start, end)


async def the_only(viewer: Actor) -> Alert:
    [found] = (await list_alerts(viewer)).alerts
    return found


async def shown(viewer: Actor) -> ShownAlert:
    return await show_alert(viewer, fingerprint=(await the_only(viewer)).fingerprint)


async def test_it_shows_an_alert_with_its_rule_and_a_graph(
    viewer: Actor, prometheus: FakePrometheus
) -> None:
    deep = alert("Deep", active_at=format_moment(NOW - HOUR))
    prometheus.rule("Deep", deep, duration=60, keepFiringFor=300, query="depth > 5 and on() up")
    prometheus.rule("Deep", group="another", query="depth > 9")
    found = await shown(viewer)
    assert (found.state, found.pending_since) == (State.FIRING, NOW - HOUR)
    assert found.firing_since == NOW - HOUR + MINUTE
    assert not found.ahead
    [rule] = found.rules
    assert (rule.query, rule.pending_for) == ("depth > 5 and on() up", MINUTE)
    assert rule.keep_firing_for == 5 * MINUTE
    [graph] = found.graphs
    assert graph.url.startswith("https://prometheus.example.com/graph?g0.expr=depth+%3E+5+and")


async def test_since_is_what_was_seen_unless_nobody_watched(
    viewer: Actor, prometheus: FakePrometheus
) -> None:
    prometheus.rule("Deep", alert("Deep", active_at=format_moment(NOW - HOUR)), duration=60)
    deep = await the_only(viewer)
    await in_database(watched, NOW - 7 * HOUR, NOW + HOUR, "main")
    await remember(deep, PENDING, NOW - HOUR, NOW - 50 * MINUTE)
    await remember(deep, FIRING, NOW - 50 * MINUTE, None)
    assert (await shown(viewer)).firing_since == NOW - 50 * MINUTE


async def test_what_fired_before_the_source_began_anew_was_pending_before_that(
    viewer: Actor, prometheus: FakePrometheus
) -> None:
    prometheus.rule("Deep", alert("Deep", active_at=format_moment(NOW - 20 * MINUTE)), duration=60)
    deep = await the_only(viewer)
    await in_database(watched, NOW - 7 * HOUR, NOW + HOUR, "main")
    await remember(deep, PENDING, NOW - HOUR, NOW - 50 * MINUTE)
    await remember(deep, FIRING, NOW - 50 * MINUTE, None)
    found = await shown(viewer)
    assert (found.pending_since, found.firing_since) == (NOW - HOUR, NOW - 50 * MINUTE)


async def test_what_started_while_nobody_watched_started_when_the_source_says(
    viewer: Actor, prometheus: FakePrometheus
) -> None:
    prometheus.rule("Deep", alert("Deep", active_at=format_moment(NOW - HOUR)), duration=60)
    deep = await the_only(viewer)
    await in_database(watched, NOW - 20 * MINUTE, NOW + HOUR, "main")
    await remember(deep, FIRING, NOW - 20 * MINUTE, None)
    assert (await shown(viewer)).firing_since == NOW - 59 * MINUTE


async def test_a_start_in_the_future_says_so(viewer: Actor, prometheus: FakePrometheus) -> None:
    prometheus.rule("A", alert("A", active_at="2126-01-01T00:00:00Z"), duration=60)
    assert (await shown(viewer)).ahead


async def test_an_alert_that_has_resolved_is_shown_as_it_was(viewer: Actor) -> None:
    await in_database(watched, NOW - 10 * HOUR, NOW + HOUR, "main")
    await remember(GONE, FIRING, NOW - 2 * HOUR, NOW - HOUR)
    await remember(GONE, FIRING, NOW - 9 * HOUR, NOW - 8 * HOUR)
    found = await show_alert(viewer, fingerprint=GONE.fingerprint)
    assert (found.state, found.at) == (State.RESOLVED, NOW - HOUR)
    assert (found.alert.name, dict(found.alert.labels)) == ("Gone", dict(GONE.labels))
    assert (found.past.fired, found.past.median) == (2, HOUR)
    [drawn] = found.strip.stretches
    assert abs(drawn.start - (NOW - 2 * HOUR)) < MINUTE


async def test_without_an_answer_its_state_is_unknown(
    viewer: Actor, prometheus: FakePrometheus
) -> None:
    await remember(GONE, FIRING, NOW - 2 * HOUR, None)
    prometheus.fault = Fault.UNAVAILABLE
    found = await show_alert(viewer, fingerprint=GONE.fingerprint)
    assert (found.state, found.silent) == (State.UNKNOWN, ("main",))
    with pytest.raises(BackendUnavailable):
        await show_alert(viewer, fingerprint="ab" * 10)


@pytest.mark.parametrize("given", ["", "ab" * 10, "../../etc", "x" * 1_000])
async def test_an_unknown_alert_is_refused_with_a_way_on(viewer: Actor, given: str) -> None:
    with pytest.raises(NotFound, match="Choose an alert from the list"):
        await show_alert(viewer, fingerprint=given)


async def test_prometheus_tells_what_happened_in_a_hole(
    viewer: Actor, prometheus: FakePrometheus
) -> None:
    await in_database(watched, NOW - 7 * HOUR, NOW - 3 * HOUR, "main")
    await in_database(watched, NOW - HOUR, NOW + HOUR, "main")
    await remember(GONE, FIRING, NOW - 4 * HOUR, NOW - HOUR)
    own = {"__name__": "ALERTS", **GONE.labels}
    query = 'ALERTS{alertname="Gone", pod="one"}'
    later = _points(NOW - 100 * MINUTE, 30 * MINUTE)  # of another alert, with one label more
    prometheus.ranges[query] = [
        {"metric": {**own, "alertstate": "firing"}, "values": _points(NOW - 4 * HOUR, 2 * HOUR)},
        {"metric": {**own, "alertstate": "firing", "more": "x"}, "values": later},
    ]
    found = await show_alert(viewer, fingerprint=GONE.fingerprint)
    [hole] = found.strip.holes
    [told] = found.strip.told
    assert told.state == FIRING
    assert told.start == hole.start, "only the hole asks"
    assert abs(told.end - (NOW - 2 * HOUR)) < 2 * MINUTE


def _points(start: int, length: int) -> list[tuple[float, str]]:
    return [((start + at) / SECOND, "1") for at in range(0, length, 30 * SECOND)]


async def test_a_source_that_hangs_costs_only_what_it_remembers(
    viewer: Actor, prometheus: FakePrometheus
) -> None:
    prometheus.rule("Deep", alert("Deep"))
    deep = await the_only(viewer)
    prometheus.fault = Fault.HANG
    found = await show_alert(viewer, fingerprint=deep.fingerprint)
    assert (found.state, found.strip.told) == (State.FIRING, ())
    assert found.strip.holes


async def test_what_changed_is_listed_the_newest_first(viewer: Actor) -> None:
    other = made("Other", {"pod": "two", "severity": "page"}, annotations={"summary": "deep"})
    watchdog = made("Watchdog")
    await remember(GONE, FIRING, NOW - 50 * MINUTE, NOW - 40 * MINUTE)
    await remember(GONE, FIRING, NOW - 40 * MINUTE, NOW - 30 * MINUTE)
    await remember(GONE, PENDING, NOW - 30 * MINUTE, NOW - 29 * MINUTE)
    await remember(other, FIRING, NOW - 20 * MINUTE, None)
    await remember(watchdog, FIRING, NOW - 10 * MINUTE, None)
    await in_database(broken, "Odd", NOW - 15 * MINUTE, NOW - 14 * MINUTE)
    await in_database(broken, "Odd", NOW - 14 * MINUTE, NOW - 12 * MINUTE, "another error")
    await in_database(answered, "main", NOW - 9 * MINUTE, NOW - 8 * MINUTE, fails=True)

    found = await list_changes(viewer, start=NOW - HOUR, end=NOW)

    assert [(each.kind, each.name, (NOW - each.at) / MINUTE) for each in found] == [
        (Kind.BACK, "main", 8),
        (Kind.SILENT, "main", 9),
        (Kind.REPAIRED, "Odd", 12),
        (Kind.BROKEN, "Odd", 15),
        (Kind.FIRING, "Other", 20),
        (Kind.RESOLVED, "Gone", 30),
        (Kind.FIRING, "Gone", 50),
    ]
    assert (found[4].severity, found[4].detail) == ("page", "deep")
    assert len(await list_changes(viewer, start=NOW - HOUR, end=NOW, limit=2)) == 2


async def test_alerts_of_one_name_that_start_together_are_one_change(viewer: Actor) -> None:
    for number in range(5):
        await remember(made("Down", {"pod": str(number)}), FIRING, NOW - number * SECOND, None)
    [found] = await list_changes(viewer, start=NOW - HOUR, end=NOW)
    assert (found.count, found.at) == (5, NOW)
