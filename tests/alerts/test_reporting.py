"""Of a pair with a silent source, what the one that answers says counts."""

from dataclasses import replace

import pytest

from ops.alerts.answers import Answers, SourceFailure
from ops.alerts.arranging import arrange
from ops.alerts.reporting import arranged, reported
from ops.backends.prometheus import Rules
from ops.sites import PrometheusSource, Site
from ops.vocabulary.alerts import Rule, Unreadable
from ops.vocabulary.timerange import SECOND
from tests.alerts.making import NOON, alert

SITE = Site(
    "production",
    None,
    (
        PrometheusSource("a", "http://a", pair="shop"),
        PrometheusSource("b", "http://b", pair="shop"),
        PrometheusSource("c", "http://c"),
    ),
    {},
    "",
)
LAST = NOON - 60 * SECOND
SILENT = SourceFailure("b", "b did not answer", LAST)
RULE = Rule("Slow", "demo", "a", False, "ok", "", NOON - SECOND, 15 * SECOND)
WELL = Rules((), (RULE,), rules_at=NOON)
SLOW = alert("Slow", sources=("b",), fingerprint="1", value="2")
OTHER = replace(RULE, name="Other")


def shown(answer: Rules, *failures: SourceFailure) -> list[tuple[tuple[str, ...], str, int]]:
    """Sources, state and age of what is left if `b` told of SLOW last and `a` answers so."""
    answers = {"a": answer, "b": Rules((SLOW,), (replace(RULE, source="b"),))}
    found = reported(SITE, Answers(answers, failures or (SILENT,), ()), NOON)
    return [(each.sources, each.state, each.stale_since) for each in found]


def ruled(**fields: object) -> Rules:
    return replace(WELL, rules=(replace(RULE, **fields),))  # type: ignore[arg-type]


def test_what_the_one_that_answers_no_longer_has_is_over() -> None:
    assert shown(WELL) == []


def test_what_it_has_is_as_it_says() -> None:
    mine = alert("Slow", state="pending", sources=("a",), fingerprint="1")
    assert shown(replace(WELL, alerts=(mine,))) == [(("a",), "pending", 0)]


@pytest.mark.parametrize(
    "answer",
    [
        replace(WELL, rules=(OTHER,)),
        ruled(group="another"),
        ruled(recording=True),
        ruled(labels={"severity": "page"}),
        ruled(health="err", error="many-to-many"),
        ruled(evaluated_at=0),
        ruled(evaluated_at=NOON - 46 * SECOND),
        replace(WELL, rules=None),
        replace(WELL, warnings=("a store is away",)),
        replace(WELL, more=True),
        replace(WELL, unreadable=(Unreadable("a", "demo", "Slow", 1),)),
    ],
    ids=str,
)
def test_what_it_cannot_know_stays_and_is_stale(answer: Rules) -> None:
    assert shown(answer) == [(("b",), "firing", LAST)]


def test_if_none_of_the_pair_answers_all_stays() -> None:
    assert shown(WELL, SILENT, SourceFailure("a", "a did not answer", NOON)) == [
        (("b",), "firing", LAST)
    ]


def test_a_source_outside_the_pair_knows_nothing_of_it() -> None:
    answers = {"b": Rules((SLOW,), None), "c": replace(WELL, rules=(replace(RULE, source="c"),))}
    [kept] = reported(SITE, Answers(answers, (SILENT,), ()), NOON)
    assert kept.stale_since == LAST


def test_one_that_is_still_loading_does_not_know_better() -> None:
    answers = {"a": WELL, "b": Rules((SLOW,), None)}
    [kept] = reported(SITE, Answers(answers, (SILENT,), ("a",)), NOON)
    assert kept.stale_since == LAST


def test_the_newest_answers_are_merged_and_sorted_once() -> None:
    firing, pending = (alert("Up", state=state, sources=("c",)) for state in ("firing", "pending"))
    first = Answers({"c": Rules((pending, firing), None)}, (), ())
    shown = arranged(SITE, first, NOON)
    assert shown == (firing, pending)
    assert arranged(SITE, replace(first, answers={**first.answers}), NOON) is shown


@pytest.mark.parametrize(
    "other",
    [
        Answers({"b": Rules((SLOW,), None)}, (SILENT,), ()),
        Answers({"b": Rules((SLOW,), None)}, (), ("b",)),
        Answers({"b": Rules((SLOW,), None), "a": WELL}, (), ()),
        Answers({"b": Rules((SLOW, SLOW), None)}, (), ()),
    ],
)
def test_other_answers_are_merged_anew(other: Answers[Rules]) -> None:
    arranged(SITE, Answers({"b": Rules((SLOW,), None)}, (), ()), NOON)
    assert arranged(SITE, other, NOON) == arrange(reported(SITE, other, NOON))
    again = replace(SITE, prometheus=SITE.prometheus[2:])
    assert arranged(again, other, NOON) == arrange(reported(again, other, NOON))
