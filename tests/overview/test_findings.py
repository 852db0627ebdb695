"""What counts as wrong, and in which words it is said."""

import pytest

from ops.alerts.actions import AlertList
from ops.overview import findings
from ops.overview.diagnosing_sites import diagnose_lines
from ops.overview.figures import Figures
from ops.overview.findings import Weight
from ops.overview.lately import Sample, compared, fails_more
from ops.sites import Service, Site
from ops.versions.actions import InstanceVersion, Lack, Rollout, ServiceVersions, State
from ops.vocabulary.figures import share
from ops.vocabulary.summaries import TraceSummary
from ops.vocabulary.timerange import HOUR, MILLISECOND, MINUTE
from tests.alerts.making import NOON, alert


def traces(
    number: int, *, failed: int = 0, took: int = 10, operation: str = "AddPets"
) -> list[TraceSummary]:
    """The first of them failed; each took so many milliseconds."""
    return [
        TraceSummary(
            trace_id=f"{operation}{place}",
            start=NOON,
            duration=took * MILLISECOND,
            service="petstore",
            operation=operation,
            span_count=1,
            error_count=int(place < failed),
            services=("petstore",),
        )
        for place in range(number)
    ]


@pytest.mark.parametrize(
    ("now", "before", "more"),
    [
        ((340, 41), (300, 1), True),
        ((340, 41), (0, 0), True),
        ((340, 10), (0, 0), False),  # few, and nothing to compare with
        ((2, 2), (300, 0), False),  # two are chance
        ((300, 30), (300, 30), False),
        ((300, 30), (300, 16), False),  # not twice as often
        ((300, 3), (300, 1), False),  # twice as often, but hardly any
    ],
)
def test_more_traces_fail_only_if_it_is_more_than_chance(
    now: tuple[int, int], before: tuple[int, int], more: bool
) -> None:
    assert fails_more(Sample(*now), Sample(*before)) is more


def test_traces_are_compared_by_the_operation_they_began_with() -> None:
    now = [*traces(40, failed=12), *traces(20, took=90, operation="Find"), *traces(9, operation="")]
    before = [*traces(50, failed=1), *traces(30, took=30, operation="Find")]
    found = compared(now, before)
    add, find, rootless = found.operations
    assert (add.now, add.before.failed) == (Sample(40, 12, 10_000_000, 10_000_000), 1)
    assert (add.failing, add.fails_more, add.is_slower) == ("AddPets0", True, False)
    assert (find.is_slower, find.longer) == (True, 20 * 60 * MILLISECOND)
    assert (rootless.operation, rootless.before.traces) == ("", 0)
    assert [each.words for each in findings.of_traces(found)] == [
        "17% of 69 traces failed (1.2% the hour before)",
        "Find takes 90 ms in the median of 20 traces (30 ms the hour before)",
    ]


def test_one_operation_that_fails_among_many_is_found() -> None:
    now = [*traces(4, failed=4, operation="Rare"), *traces(296, failed=3)]
    before = traces(300, failed=4)
    [finding] = findings.of_traces(compared(now, before))
    assert finding.words == "100% of 4 traces of Rare failed (no traces the hour before)"


@pytest.mark.parametrize(("now", "before"), [(4, 50), (50, 4), (50, 0)])
def test_too_few_traces_say_nothing_about_durations(now: int, before: int) -> None:
    assert compared(traces(now, took=900), traces(before, took=10)).slower == ()


def test_almost_nothing_and_almost_all_are_neither() -> None:
    parts = (0, 1 / 3000, 0.0151, 0.12, 0.9967, 0.99999, 1)
    assert [share(each) for each in parts] == [
        "0%", "0.033%", "1.5%", "12%", "99.67%", "99.99%", "100%",
    ]  # fmt: skip


def test_alerts_are_counted_by_severity_and_named_if_few() -> None:
    deep, slow = (alert(name, {"severity": "critical"}) for name in ("Deep", "Slow"))
    other = alert("Other", {"severity": "warning"}, state="pending")
    plain = alert("Plain")

    def words(*alerts: object) -> list[str]:
        return [each.words for each in findings.of_alerts(alerts)]  # type: ignore[arg-type]

    assert words(deep) == ["1 critical alert firing (Deep)"]
    assert words(deep, slow, other) == ["2 critical alerts firing (Deep, Slow)", "1 alert pending"]
    assert words(deep, slow, plain) == ["3 alerts firing, 2 critical"]
    assert words(plain) == ["1 alert firing (Plain)"]
    assert words() == []


def ran(state: State, **rollout: object) -> ServiceVersions:
    lacks = InstanceVersion("c", "", Lack.DOWN)
    instances = (InstanceVersion("a", "1.3.0"), InstanceVersion("b", "1.2.0"), lacks)
    made = Rollout(state, "1.3.0", **rollout)  # type: ignore[arg-type]
    return ServiceVersions("demo", "petstore", instances, 4, rollout=made)


def test_instances_that_are_away_and_rollouts_that_do_not_move_are_wrong() -> None:
    found = findings.of_versions(ran(State.STUCK, reason="it has taken longer than 1 min"))
    assert [(each.weight, each.words) for each in found] == [
        (Weight.DOWN, "1 of 4 instances down"),
        (Weight.DOWN, "1 of 4 instances silent"),
        (Weight.ROLLOUT, "rollout of 1.3.0 stuck at 1 of 4: it has taken longer than 1 min"),
    ]


@pytest.mark.parametrize(
    ("of", "words"),
    [
        (ran(State.ROLLING), "rolling out 1.3.0: 1 of 4"),
        (ran(State.STUCK), ""),
        (ran(State.STEADY, since=NOON, previous="1.2.0"), "1.3.0 started to run 5 min ago"),
        (ran(State.STEADY, since=NOON), ""),  # nobody knows what ran before
        (ran(State.STEADY, since=NOON - HOUR, previous="1.2.0"), ""),
        (ran(State.WENT_BACK, since=NOON, previous="1.4.0"), "went back to 1.3.0 5 min ago"),
    ],
)
def test_a_rollout_is_news_for_a_while(of: ServiceVersions, words: str) -> None:
    assert findings.rollout_lately(of, NOON + 5 * MINUTE, HOUR) == words


def test_figures_are_judged_by_themselves() -> None:
    p95 = (100 * MILLISECOND,) * 50 + (None,) * 5 + (900 * MILLISECOND,) * 5
    found = findings.of_figures(Figures(40.0, 0.062, 900 * MILLISECOND, p95))
    assert [each.words for each in found] == [
        "6.2% of the requests fail", "p95 900 ms (100 ms earlier in the hour)",
    ]  # fmt: skip
    assert not [*findings.of_figures(Figures(40.0, 0.02, 140 * MILLISECOND, p95))]
    spike = (100 * MILLISECOND,) * 59 + (900 * MILLISECOND,)
    assert not [*findings.of_figures(Figures(40.0, 0.02, 900 * MILLISECOND, spike))]
    assert not [*findings.of_figures(Figures(40.0, None, 900 * MILLISECOND, (None,) * 60))]


def test_of_what_traces_and_figures_both_say_traces_have_the_details() -> None:
    lately = compared(traces(40, failed=20), traces(40))
    found = findings.found((alert(state="pending"),), None, lately, Figures(failing=0.5))
    assert [each.words for each in found] == [
        "50% of 40 traces failed (0% the hour before)", "1 alert pending",
    ]  # fmt: skip


def test_alerts_of_services_that_were_not_looked_at_are_said() -> None:
    site = Site("demo", None, (), {"a": Service("a", "a"), "b": Service("b", "b")}, "")
    firing = AlertList("demo", (alert("Deep"),), (), 1, ())
    found = diagnose_lines(site, [], firing, (), (), 2)
    assert found.headline == "1 alert firing (Deep), of other services; not sure of the rest"
    assert found.doubts == ("not checked: 2 more services",)
