"""Every door says "Nothing is firing" only if that is certain."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ops.alerts.truth import Doubt, Reason, doubts, headline
from ops.backends.prometheus import Rules
from ops.sites import PrometheusSource, Site
from ops.vocabulary.alerts import FIRING, PENDING, Rule, Unreadable, meaning
from ops.vocabulary.timerange import SECOND
from tests.alerts.making import NOON, alert

RULE = Rule("Slow", "demo", "main", False, "ok", "", NOON - SECOND, 15 * SECOND)
WATCHDOG = replace(RULE, name="Watchdog")
WELL = Rules((), (RULE,), at=NOON, rules_at=NOON)
SITE = Site("production", None, (PrometheusSource("main", "http://main"),), {}, "")


def of(answer: Rules | None, site: Site = SITE, *, now: int = NOON) -> list[Reason]:
    answers = {"main": answer} if answer else {}
    failures = {} if answer else {"main": 0}
    return [doubt.reason for doubt in doubts(site, answers, failures, (), now)]


def ruled(**fields: object) -> Rules:
    """An answer whose only rule differs in this."""
    return replace(WELL, rules=(replace(RULE, **fields),))  # type: ignore[arg-type]


def test_it_is_sure_if_all_is_well() -> None:
    assert of(WELL) == []
    assert headline(0, ()) == "Nothing is firing"


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (None, Reason.SILENT),
        (replace(WELL, warnings=("a store is away",)), Reason.PARTIAL),
        (replace(WELL, more=True), Reason.PARTIAL),
        (replace(WELL, unreadable=(Unreadable("main", "g", "A", 1),)), Reason.UNREADABLE),
        (replace(WELL, unreadable=(Unreadable("main", "g", "", 2),)), Reason.UNREADABLE),
        (replace(WELL, rules=()), Reason.NO_RULES),
        (replace(WELL, rules=None), Reason.NO_RULES),
        (ruled(recording=True), Reason.NO_RULES),
        (ruled(health="err", error="many-to-many"), Reason.BROKEN),
        (ruled(error="many-to-many"), Reason.BROKEN),
        (ruled(health="unknown"), Reason.NEVER_EVALUATED),
        (ruled(evaluated_at=0), Reason.NEVER_EVALUATED),
        (ruled(evaluated_at=NOON - 46 * SECOND), Reason.LATE),
        (replace(WELL, rules=(RULE, replace(RULE, recording=True, health="err"))), Reason.BROKEN),
        (replace(WELL, rules=(RULE, WATCHDOG)), Reason.WATCHDOG),
        (
            replace(WELL, rules=(RULE, WATCHDOG), alerts=(alert("Watchdog", state=PENDING),)),
            Reason.WATCHDOG,
        ),
    ],
    ids=str,
)
def test_it_doubts_for_one_reason(answer: Rules | None, reason: Reason) -> None:
    assert of(answer) == [reason]


@pytest.mark.parametrize(
    "answer",
    [
        replace(WELL, infos=("metric might not be a counter",)),
        ruled(evaluated_at=None),
        ruled(evaluated_at=NOON - 45 * SECOND),
        ruled(evaluated_at=NOON - 999 * SECOND, interval=0),
        ruled(evaluated_at=NOON + 999 * SECOND),
        replace(WELL, rules=(RULE, WATCHDOG), alerts=(alert("Watchdog"),)),
    ],
    ids=str,
)
def test_it_does_not_doubt_for_nothing(answer: Rules) -> None:
    assert of(answer) == []


def test_it_goes_by_the_sources_clock() -> None:
    an_hour = 3_600 * SECOND
    assert of(WELL, now=NOON + an_hour) == []
    assert of(replace(WELL, rules_at=0), now=NOON + an_hour) == [Reason.LATE]


def test_a_source_without_rules_may_have_none() -> None:
    [source] = SITE.prometheus
    without = replace(SITE, prometheus=(replace(source, rules=False),))
    assert of(replace(WELL, rules=None), without) == []
    assert of(replace(WELL, rules=None, warnings=("partial",)), without) == [Reason.PARTIAL]


def test_a_watchdog_that_the_site_names_must_have_a_rule() -> None:
    named = replace(SITE, watchdogs=("Heartbeat",), names_watchdogs=True)
    assert of(WELL, named) == [Reason.WATCHDOG]
    assert of(None, named) == [Reason.SILENT], "nobody knows which rules there are"
    assert of(WELL, replace(named, names_watchdogs=False)) == []


@pytest.mark.parametrize(
    ("seconds", "age"),
    [(1, "a few seconds"), (19, "10 s"), (59, "50 s"), (130, "2 min"), (7_259, "2 h")],
)
def test_it_says_roughly_for_how_long_a_source_has_been_silent(seconds: int, age: str) -> None:
    last = NOON - seconds * SECOND
    [doubt] = doubts(SITE, {"main": WELL}, {"main": last}, (), NOON)
    assert doubt.words == f"main has not answered for {age}"


def test_it_says_which_of_a_pair_answers() -> None:
    pair = tuple(PrometheusSource(name, f"http://{name}", pair="shop") for name in "abc")
    shop = replace(SITE, prometheus=(*pair, *SITE.prometheus))

    def said(*answering: str) -> str:
        answers = dict.fromkeys((*answering, "main", "a"), WELL)
        return doubts(shop, answers, {"a": 0}, (), NOON)[0].words

    assert said() == "a did not answer"
    assert said("b") == "a did not answer (of pair shop only b answers)"
    assert said("b", "c") == "a did not answer (of pair shop only b and c answer)"


def test_a_source_that_answers_in_the_future_did_not_answer() -> None:
    [future] = doubts(SITE, {}, {"main": NOON + SECOND}, (), NOON)
    assert future.words == "main did not answer"


def test_rules_that_were_read_earlier_are_judged_by_the_time_of_their_reading() -> None:
    earlier = NOON - 50 * SECOND
    read = replace(WELL, rules=(replace(RULE, evaluated_at=earlier),), rules_at=earlier)
    assert of(read) == []


def test_many_rules_are_one_doubt() -> None:
    broken = [replace(RULE, name=f"R{n}", health="err", error="x") for n in range(1_200)]
    [doubt] = doubts(SITE, {"main": replace(WELL, rules=tuple(broken))}, {}, (), NOON)
    assert doubt.words == "rule R0 and 1,199 more of main cannot be evaluated"
    assert doubt.sentence == f"{doubt.words}: x"


def test_the_headline_never_denies_what_may_be() -> None:
    silent = Doubt(Reason.SILENT, "main", "main did not answer")
    other = Doubt(Reason.LATE, "b", "rule A of b has not been evaluated recently")
    assert headline(0, [silent]) == "Nothing is firing that we know of: main did not answer"
    assert headline(0, [silent, other]).endswith("main did not answer, and 1 more")
    assert headline(1, ()) == "1 alert firing"
    assert headline(1_200, [silent]) == "1,200 alerts firing that we know of"


ANSWERS = st.builds(
    Rules,
    st.just(()),
    st.none()
    | st.lists(
        st.builds(
            Rule,
            st.sampled_from(["A", "Watchdog"]),
            st.just("g"),
            st.just("main"),
            st.booleans(),
            st.sampled_from(["ok", "err", "unknown"]),
            st.sampled_from(["", "boom"]),
            st.none() | st.sampled_from([0, NOON - SECOND, NOON - 999 * SECOND]),
            st.sampled_from([0, 15 * SECOND]),
        ),
        max_size=3,
    ).map(tuple),
    warnings=st.lists(st.text(min_size=1), max_size=1).map(tuple),
    infos=st.lists(st.text(), max_size=1).map(tuple),
    more=st.booleans(),
    at=st.just(NOON),
)


def is_well(answer: Rules) -> bool:
    """The same, written down independently, for a site of one source and no alerts."""
    rules = answer.rules or ()
    return (
        not answer.warnings
        and not answer.more
        and any(not rule.recording for rule in rules)
        and all(rule.health == "ok" and not rule.error for rule in rules)
        and all(rule.evaluated_at != 0 for rule in rules)
        and not any(rule.evaluated_at == NOON - 999 * SECOND and rule.interval for rule in rules)
        and not any(rule.name == "Watchdog" and not rule.recording for rule in rules)
    )


@given(ANSWERS)
def test_it_is_sure_exactly_if_all_is_well(answer: Rules) -> None:
    assert (not of(answer)) is is_well(answer)


@pytest.mark.parametrize(
    ("word", "state"),
    [
        ("firing", FIRING), ("FIRING", FIRING), ("Alerting", FIRING), ("NoData", FIRING),
        ("Error", FIRING), ("Recovering", FIRING), ("Alerting (NoData)", FIRING), ("", FIRING),
        ("whatever comes next", FIRING), ("pending", PENDING), ("Pending (Error)", PENDING),
        ("inactive", ""), ("Normal", ""), ("Normal (MissingSeries)", ""), ("normal (nodata)", ""),
    ],
)  # fmt: skip
def test_a_word_that_is_not_known_is_firing(word: str, state: str) -> None:
    assert meaning(word) == state
