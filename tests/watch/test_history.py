"""What is remembered of alerts: changes, and only those."""

from dataclasses import replace
from typing import Any

import pytest

from ops.alerts.models import AlertPeriod, RulePeriod
from ops.alerts.watching import AlertHistory
from ops.backends.prometheus import Rules
from ops.sites import PrometheusSource, Site
from ops.vocabulary.alerts import Alert, Rule
from ops.vocabulary.timerange import SECOND
from ops.watch.picture import Picture, SourceAnswer
from tests.alerts.making import NOON, alert

pytestmark = pytest.mark.django_db

SITE = Site("production", None, (PrometheusSource("main", "http://main"),), {}, "")
PAIR = replace(
    SITE,
    prometheus=(
        PrometheusSource("a", "http://a", pair="shop"),
        PrometheusSource("b", "http://b", pair="shop"),
    ),
)
DOWN = alert("Down", {"pod": "one"}, sources=("main",))
RULE = Rule("Down", "demo", "main", False, "ok", "", NOON, 15 * SECOND)


class Remembering:
    """A history that sees one picture after the other."""

    def __init__(self, site: Site = SITE) -> None:
        self.history = AlertHistory(site, lambda: self.clock)
        self.history.resume()
        self.at = self.clock = NOON

    def sees(self, *alerts: Alert, after: float = 5, rules: tuple[Rule, ...] = (RULE,)) -> int:
        """The one source answers with these alerts; returns the rows written."""
        return self.shows({"main": Rules(alerts, rules)}, after)

    def shows(self, answers: dict[str, Rules | None], after: float = 5) -> int:
        self.at += round(after * SECOND)
        self.clock += round(after * SECOND)
        sources: dict[str, SourceAnswer[Rules]] = {
            name: SourceAnswer(answer, self.at) if answer else SourceAnswer(error="away")
            for name, answer in answers.items()
        }
        found = self.history.changes(Picture("production", "alerts", 1, 1, self.at, sources))
        for each in found:
            each.write()
        return sum(map(len, found))


def answered(seen: Remembering, *alerts: Alert) -> SourceAnswer[Rules]:
    return SourceAnswer(Rules(alerts, (RULE,)), seen.at)


def states() -> list[tuple[str, float | None]]:
    """State and length in seconds of each period, in order."""
    return [
        (row.state, row.end and (row.end - row.start) / SECOND)
        for row in AlertPeriod.objects.order_by("start")
    ]


def test_nothing_is_written_of_what_stays() -> None:
    seen = Remembering()
    assert seen.sees(DOWN) == 1
    assert seen.sees(replace(DOWN, value="7")) == 0
    assert seen.sees(replace(DOWN, annotations={})) == 0
    assert states() == [("firing", None)]


@pytest.mark.parametrize(
    "change",
    [
        {"state": "pending"},
        {"active_at": NOON + SECOND},
        {"annotations": {"summary": "other words"}},
    ],
)
def test_state_start_and_texts_are_changes(change: dict[str, Any]) -> None:
    seen = Remembering()
    seen.sees(DOWN)
    assert seen.sees(replace(DOWN, **change)) == 2
    assert len(states()) == 2


def test_a_number_in_an_annotation_is_a_value_and_no_change() -> None:
    seen = Remembering()
    seen.sees(replace(DOWN, annotations={"summary": "depth 7.3e-02, limit 5"}))
    assert seen.sees(replace(DOWN, annotations={"summary": "depth 91, limit 5"})) == 0


def test_an_alert_ends_when_it_has_missed_two_evaluations() -> None:
    seen = Remembering()
    seen.sees(DOWN)
    seen.sees()
    seen.sees(after=25)
    assert states() == [("firing", None)]
    seen.sees()
    assert states() == [("firing", 5.0)], "it ended when it was first missing"


def test_a_short_absence_ends_nothing() -> None:
    seen = Remembering()
    seen.sees(DOWN)
    seen.sees()
    seen.sees(DOWN, after=10)
    seen.sees()
    seen.sees(DOWN, after=25)
    assert states() == [("firing", None)]


def test_a_source_that_does_not_answer_ends_nothing() -> None:
    seen = Remembering()
    seen.sees(DOWN)
    seen.sees()
    seen.shows({"main": None}, after=600)
    seen.sees(after=600)
    seen.sees(DOWN)
    assert states() == [("firing", None)]


def test_an_alert_does_not_end_before_its_rule_is_evaluated_after_a_restart() -> None:
    seen = Remembering()
    seen.sees(DOWN)
    restarted = replace(RULE, health="unknown", evaluated_at=0)
    for _ in range(3):
        seen.sees(rules=(restarted,), after=60)
    assert states() == [("firing", None)]
    seen.sees()
    seen.sees(after=60)
    assert states() == [("firing", 185.0)]


def test_another_watcher_goes_on_where_the_first_ended() -> None:
    Remembering().sees(DOWN)
    later = Remembering()
    assert later.sees(DOWN, after=60) == 0
    assert states() == [("firing", None)]


def test_of_a_pair_one_that_falls_silent_changes_nothing() -> None:
    seen = Remembering(PAIR)
    on_a = alert("Down", sources=("a",), annotations={"by": "prometheus-a"})
    on_b = replace(on_a, sources=("b",), active_at=NOON - SECOND, annotations={"by": "other"})
    both: dict[str, Rules | None] = {"a": Rules((on_a,), ()), "b": Rules((on_b,), ())}
    assert seen.shows(both) == 1
    assert seen.shows({"a": Rules((on_a,), ()), "b": None}) == 0
    assert seen.shows({"a": None, "b": Rules((on_b,), ())}) == 0
    assert seen.shows(both) == 0
    seen.shows({"a": Rules((), ()), "b": None})
    seen.shows({"a": Rules((), ()), "b": None}, after=60)
    assert states() == [("firing", 20.0)], "the one that answers knows"


def test_an_alert_that_both_of_a_pair_had_ends_though_one_is_gone_for_good() -> None:
    seen = Remembering(PAIR)
    both = alert("Down", sources=("a",))
    seen.shows({"a": Rules((both,), ()), "b": None})
    seen.shows({"a": None, "b": Rules((replace(both, sources=("b",)),), ())})
    seen.shows({"a": None, "b": Rules((), ())})
    seen.shows({"a": None, "b": Rules((), ())}, after=60)
    assert states() == [("firing", 10.0)]


def test_what_a_source_reported_that_is_no_longer_in_the_site_file_ends() -> None:
    broken = replace(RULE, health="err", error="no")
    Remembering().sees(DOWN, rules=(broken,))
    renamed = replace(SITE, prometheus=(PrometheusSource("other", "http://other"),))
    later = Remembering(renamed)
    later.shows({"other": None})
    later.shows({"other": None}, after=60)
    assert states() == [("firing", None)], "the other may be the same under a new name"
    later.shows({"other": Rules((), ())})
    later.shows({"other": Rules((), ())}, after=60)
    assert states() != [("firing", None)]
    assert RulePeriod.objects.get().end


@pytest.mark.parametrize("partial", [{"warnings": ("a store is away",)}, {"more": True}])
def test_what_is_missing_from_a_partial_answer_has_not_ended(partial: dict[str, Any]) -> None:
    seen = Remembering()
    seen.sees(DOWN)
    for _ in range(2):
        seen.shows({"main": Rules((), (RULE,), **partial)}, after=60)
    assert states() == [("firing", None)]


@pytest.mark.parametrize("jump", [3600, -3600])
def test_a_clock_that_jumps_neither_ends_an_alert_nor_keeps_it(jump: int) -> None:
    seen = Remembering()
    seen.sees(DOWN)
    seen.sees()
    seen.at += jump * SECOND
    seen.sees()
    assert states() == [("firing", None)]
    seen.sees(after=30)
    [(_, seconds)] = states()
    assert seconds == 5, "it ended when it was first missing"


def test_nothing_ends_before_it_has_started() -> None:
    seen = Remembering()
    seen.sees(DOWN)
    seen.at -= 3600 * SECOND
    seen.sees()
    seen.sees(after=60)
    assert states() == [("firing", 0)]


def test_of_duplicates_one_is_remembered_whatever_their_order() -> None:
    seen = Remembering()
    both = (replace(DOWN, active_at=1), replace(DOWN, active_at=2), replace(DOWN, state="pending"))
    assert seen.sees(*both) == 1
    assert seen.sees(*reversed(both)) == 0
    assert states() == [("firing", None)]


def test_a_write_that_failed_is_made_up_for() -> None:
    seen = Remembering()
    seen.sees(DOWN)
    seen.sees()
    seen.at += 60 * SECOND
    seen.clock += 60 * SECOND
    slow = alert("Slow", sources=("main",))
    lost = Picture("production", "alerts", 1, 1, seen.at, {"main": answered(seen, slow)})
    assert sum(map(len, seen.history.changes(lost))) == 2  # and they are not written
    seen.history.resume()
    assert seen.sees(slow) == 2
    assert states() == [("firing", 5.0), ("firing", None)]


def test_one_percent_of_churn_writes_one_percent_of_the_rows() -> None:
    alerts = [alert("Down", {"pod": str(number)}, sources=("main",)) for number in range(10_000)]
    seen = Remembering()
    assert seen.sees(*alerts) == 10_000
    live = [replace(each, value="7") for each in alerts]
    assert seen.sees(*live[50:]) == 0
    new = [alert("Down", {"pod": f"new-{number}"}, sources=("main",)) for number in range(50)]
    assert seen.sees(*live[50:], *new, after=60) == 100


def test_a_rule_that_cannot_be_evaluated_is_remembered() -> None:
    seen = Remembering()
    broken = replace(RULE, health="err", error="found 3 duplicates")
    assert seen.sees(rules=(broken,)) == 1
    assert seen.sees(rules=(replace(broken, error="found 4 duplicates"),)) == 0
    assert seen.sees(rules=(RULE,)) == 1
    row = RulePeriod.objects.get()
    assert (row.name, row.error) == ("Down", "found 3 duplicates")
    assert row.end


def test_hostile_texts_are_bounded_and_storable() -> None:
    seen = Remembering()
    odd = alert("Down", {"a\0b": "c\0"}, annotations={"long": "x" * 100_000}, sources=("main",))
    seen.sees(odd)
    row = AlertPeriod.objects.get()
    assert row.labels["a�b"] == "c�"
    assert len(row.annotations["long"]) == 4_000
    assert Remembering().sees(odd) == 0, "what was cut is no change"
