"""An incident's story: what is told of the time, in which words; pure."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import pytest

from ops.alerts.during import AlertsDuring, GroupDuring
from ops.incidents.facts import Entry, EntryKind, Incident, Origin, OriginKind
from ops.incidents.gathering import Course, Story, course, is_over, window
from ops.incidents.services import ServiceDuring, ran, rollout_steps, sampled
from ops.incidents.story import lines, people
from ops.requests.actions import RequestedChange, State
from ops.sampling.facts import InstanceSampling, SamplingChange
from ops.sampling.terms import Term
from ops.versions.history import History, Period
from ops.vocabulary import timerange
from ops.vocabulary.acknowledgements import GIVEN_BACK, RESOLVED, Acknowledgement
from ops.vocabulary.matchers import Matcher
from ops.vocabulary.notifications import Silence
from ops.vocabulary.policies import ALWAYS, Policy, rate
from ops.vocabulary.spreads import Spread
from ops.vocabulary.timerange import MINUTE

NOON = 1_795_521_600 * timerange.SECOND
ONE, ALL = rate(0.01), ALWAYS


def at(minute: float) -> int:
    return NOON + round(minute * MINUTE)


def history(*periods: tuple[str, str, float, float]) -> History:
    made = [Period(name, version, at(start), at(end)) for name, version, start, end in periods]
    return History(at(-60), at(30), MINUTE, tuple(made))


ROLLED_BACK = history(
    ("a", "1.2.0", -60, 30),
    ("b", "1.2.0", -60, 30),
    ("c", "1.2.0", -60, 6),
    ("c", "1.3.0", 6, 24),
    ("c", "1.2.0", 24, 30),
)


def group(name: str, *firing: tuple[float, float], lasts: bool = False) -> GroupDuring:
    return GroupDuring(
        name=name,
        severity="critical",
        summary="depth 412 over 100",
        fingerprint=name.lower(),
        alerts=2,
        pending=(),
        firing=tuple((at(start), at(end)) for start, end in firing),
        lasts=lasts,
    )


def incident(*entries: Entry, **fields: object) -> Incident:
    values = {
        "site": "production",
        "number": 3,
        "title": "petstore slow",
        "services": ("petstore",),
        "begins": at(7),
        "opened_at": at(12),
        "opener": "alice",
        "door": "slack",
        "entries": entries,
    }
    return Incident(**(values | fields))  # type: ignore[arg-type]


def change(
    minute: float,
    policy: Policy,
    before: Policy,
    lasts: float = 0,
    revision: int = 1,
    confirmed: Sequence[bool] = (),
) -> SamplingChange:
    when = timerange.to_datetime(at(minute))
    return SamplingChange(
        site="production",
        service="petstore",
        previous=Spread.of([before]),
        policy=policy,
        actor="alice",
        door="slack",
        at=when,
        request_id="",
        instances=tuple(InstanceSampling("", policy, None, each) for each in confirmed),
        revision=revision,
        until=when + timedelta(minutes=lasts) if lasts else None,
        then=before if lasts else None,
        reason="QueueDeep",
        asking=3,
    )


def told(**given: object) -> list[str]:
    found = lines(
        given.get("incident", incident()),  # type: ignore[arg-type]
        given.get("alerts"),  # type: ignore[arg-type]
        given.get("services", ()),  # type: ignore[arg-type]
        given.get("held", ()),  # type: ignore[arg-type]
    )
    return [f"{(each.at - NOON) // MINUTE} {each.text}" for each in found]


def test_a_rollout_starts_and_is_rolled_back() -> None:
    steps = rollout_steps("petstore", ROLLED_BACK, at(0), at(30))

    assert told(services=[ServiceDuring("petstore", steps=steps)]) == [
        "6 petstore started rolling 1.2.0 → 1.3.0 (1 of 3 instances)",
        "12 alice opened the incident",
        "24 petstore went back to 1.2.0 (3 of 3 instances)",
    ]
    assert [dict(each.counts) for each in ran(ROLLED_BACK, at(0), at(20))] == [
        {"1.2.0": 3},
        {"1.2.0": 2, "1.3.0": 1},
    ]


def test_a_rollout_finishes() -> None:
    done = history(("a", "1.2.0", -60, 6), ("a", "1.3.0", 6, 30), ("b", "1.2.0", -60, 9),
                   ("b", "1.3.0", 9, 30))  # fmt: skip
    steps = rollout_steps("petstore", done, at(0), at(30))

    assert [(each.step, each.version, each.running, each.total) for each in steps] == [
        ("started", "1.3.0", 1, 2),
        ("finished", "1.3.0", 2, 2),
    ]
    assert rollout_steps("petstore", None, at(0), at(30)) == ()


def test_a_rollout_that_was_everywhere_goes_back() -> None:
    whole = history(
        ("a", "1.2.0", -60, 6), ("a", "1.3.0", 6, 20), ("a", "1.2.0", 20, 30),
        ("b", "1.2.0", -60, 7), ("b", "1.3.0", 7, 21), ("b", "1.2.0", 21, 30),
    )  # fmt: skip

    steps = rollout_steps("petstore", whole, at(0), at(30))
    assert [(each.step, each.version) for each in steps] == [
        ("started", "1.3.0"),
        ("finished", "1.3.0"),
        ("going back", "1.2.0"),
        ("went back", "1.2.0"),
    ]


def test_alerts_fire_after_the_rollout_and_resolve() -> None:
    steps = rollout_steps("petstore", ROLLED_BACK, at(0), at(30))
    alerts = AlertsDuring((group("QueueDeep", (7, 26)), group("Flaps", (8, 9), (11, 12))))

    found = told(alerts=alerts, services=[ServiceDuring("petstore", steps=steps)])

    assert found[1] == (
        "7 QueueDeep started firing (2 alerts): depth 412 over 100 · 1 min after petstore 1.3.0 "
        "started"
    )
    assert "12 Flaps resolved after 4 min, having fired 2 times for 2 min in all" in found
    assert found[-1] == "26 QueueDeep resolved after 19 min"


def test_sampling_is_raised_and_returns_by_itself() -> None:
    during = sampled(None, [change(12, ALL, ONE, lasts=15)], at(0), at(30))

    assert [(each.start, each.end, str(each.policy)) for each in during] == [
        (at(0), at(12), "1%"),
        (at(12), at(27), "always"),
        (at(27), at(30), "1%"),
    ]
    assert told(services=[ServiceDuring("petstore", sampled=during)])[1:] == [
        "12 alice raised sampling of petstore from 1% to always for 15 min: “QueueDeep”",
        "27 sampling of petstore returned to 1%",
    ]


DECIDED: list[tuple[dict[str, object], str]] = [
    ({"state": State.OPEN}, "it waits for approval"),
    ({"state": State.APPLIED, "decided_by": "bob"}, "bob approved"),
    ({"state": State.FAILED, "decided_by": "bob"}, "bob approved, but nothing was changed"),
    (
        {"state": State.REFUSED, "decided_by": "bob", "why_not": "the disk is full"},
        "bob refused: “the disk is full”",
    ),
    ({"state": State.CANCELLED, "decided_by": "alice"}, "alice withdrew it"),
    ({"state": State.CANCELLED}, "it was withdrawn, because they no longer have an account"),
    ({"state": State.EXPIRED}, "nobody decided in time"),
]


@pytest.mark.parametrize(("fields", "said"), DECIDED)
def test_requests_for_approval_are_told_of_with_what_became_of_them(
    fields: dict[str, object], said: str
) -> None:
    then = timerange.to_datetime(at(15))
    asked = RequestedChange(
        key="k", site="production", service="petstore", previous=Spread.of([ONE]), policy=ALL,
        instances=3, asked_by=1, asker="alice", door="slack", asked_at=then, expires=then,
        term=Term(15 * MINUTE), **fields,  # type: ignore[arg-type]
    )  # fmt: skip

    assert told(services=[ServiceDuring("petstore", requests=(asked,))])[1:] == [
        f"15 alice asked to raise sampling of petstore from 1% to always for 15 min; {said}"
    ]


def test_who_confirmed_at_once_is_told_of_all_instances() -> None:
    raised = change(12, ALL, ONE, confirmed=(True, False))
    found = told(
        services=[ServiceDuring("petstore", sampled=sampled(None, [raised], at(0), at(30)))]
    )
    assert found[1] == (
        "12 alice raised sampling of petstore from 1% to always · 1 of 5 confirmed at once: "
        "“QueueDeep”"
    )


def test_what_was_set_before_is_in_force_and_not_told() -> None:
    before = change(-30, ALL, ONE, lasts=20)
    during = sampled(before, [change(12, rate(0.5), ONE, revision=2)], at(0), at(30))

    assert [str(each.policy) for each in during] == ["1%", "50%"]
    assert len(told(services=[ServiceDuring("petstore", sampled=during)])) == 2


def test_a_later_change_ends_a_timed_one_early() -> None:
    changes = [change(20, ONE, ALL, revision=2), change(12, ALL, ONE, lasts=15)]
    during = sampled(None, changes, at(0), at(30))

    assert [(each.start, str(each.policy)) for each in during] == [
        (at(0), "1%"), (at(12), "always"), (at(20), "1%"),
    ]  # fmt: skip
    said = told(services=[ServiceDuring("petstore", sampled=during)])
    assert said[-1].startswith("20 alice lowered sampling of petstore from always to 1%")


def test_people_are_told_of_with_what_they_did_and_wrote() -> None:
    mine = Acknowledgement(1, "production", "QueueDeep", "f", "bob", 2, at(12), note="mine")
    back = Acknowledgement(
        2, "production", "SlowSearch", "", "carol", 3, at(13), ended=at(14), end=GIVEN_BACK
    )
    over = Acknowledgement(
        3, "production", "Other", "", "dora", 4, at(13), ended=at(15), end=RESOLVED
    )
    entries = (
        Entry(at(16), EntryKind.NOTE, "bob", "browser", "only petstore-3"),
        Entry(at(17), EntryKind.PINNED, "bob", "browser", "4bf92f3577b34da6"),
        Entry(at(18), EntryKind.CLOSED, "alice", "slack"),
        Entry(at(19), EntryKind.REOPENED, "alice", "slack"),
    )
    origin = Origin(OriginKind.GROUP, "QueueDeep")
    found = lines(incident(*entries, origin=origin), None, (), (mine, back, over))

    assert [each.text for each in found] == [
        "alice opened the incident from QueueDeep",
        "bob has QueueDeep: “mine”",
        "carol has all SlowSearch alerts",
        "dora has all Other alerts",
        "carol no longer has all SlowSearch alerts: given back",
        "bob: “only petstore-3”",
        "bob pinned trace 4bf92f35",
        "alice closed the incident",
        "alice reopened the incident",
    ]
    assert people(found) == ("alice", "bob", "carol", "dora")


def test_silences_are_told_of_with_who_made_them() -> None:
    matchers = (Matcher("alertname", "=", "QueueDeep"),)
    silence = Silence("1", matchers, at(13), at(43), "bob", "known")

    found = lines(incident(), None, (), (), (silence, replace(silence, created_by="", comment="")))

    assert [each.text for each in found[1:]] == [
        'bob silenced alertname="QueueDeep" for 30 min: “known”',
        'somebody unnamed silenced alertname="QueueDeep" for 30 min',
    ]
    assert people(found) == ("alice",), "anybody can write any name there"


FAILED = AlertsDuring((group("QueueDeep", (7, 26)), group("SlowSearch", (11, 24))))
FAILING = AlertsDuring((group("QueueDeep", (7, 30), lasts=True),))
JUST_OVER = AlertsDuring((group("QueueDeep", (7, 29.5)),))
TWICE = AlertsDuring((group("QueueDeep", (7, 9), (19, 20)),))
UNWATCHED = AlertsDuring(FAILED.groups, ((at(29), at(31)),))


@pytest.mark.parametrize(
    ("alerts", "closed", "headline"),
    [
        (FAILED, 0, "petstore slow: quiet for 4 min, was failing for 19 min"),
        (FAILING, 0, "petstore slow: failing for 23 min"),
        (TWICE, 0, "petstore slow: quiet for 10 min, was failing for 3 min"),
        (JUST_OVER, 0, "petstore slow: quiet for under a minute, was failing for 22 min"),
        (UNWATCHED, 0, "petstore slow: alert status unknown"),
        (AlertsDuring(), 0, "petstore slow: open for 18 min"),
        (None, 0, "petstore slow: open for 18 min"),
        (FAILED, 30, "petstore slow: closed, was failing for 19 min"),
        (None, 30, "petstore slow: closed after 18 min"),
    ],
)
def test_the_headline_is_the_state(alerts: AlertsDuring | None, closed: int, headline: str) -> None:
    whole = incident(closed_at=at(closed) if closed else 0)
    assert Story(whole, at(-8), at(30), alerts, (), ()).headline == headline


@pytest.mark.parametrize(
    ("alerts", "end", "over"),
    [
        (FAILED, 40, False),
        (FAILED, 41, True),
        (FAILING, 60, False),
        (AlertsDuring(), 60, False),
        (None, 60, False),
        (AlertsDuring(FAILED.groups, ((at(35), at(38)),)), 45, False),
        (AlertsDuring(FAILED.groups, ((at(35), at(35.5)),)), 45, True),
        (AlertsDuring(FAILED.groups, ((at(44.5), at(46)),)), 45, False),
    ],
)
def test_it_is_over_once_all_alerts_are_known_to_be_quiet_for_long(
    alerts: AlertsDuring | None, end: float, over: bool
) -> None:
    assert is_over(alerts, at(end)) is over


def test_alerts_that_overlap_are_one_time() -> None:
    assert course(FAILED, at(30)) == Course(at(7), at(26), 19 * MINUTE)


def test_its_time_begins_before_what_it_is_about() -> None:
    assert window(incident(), at(30)) == (at(-8), at(30))
    assert window(incident(closed_at=at(20)), at(30)) == (at(-8), at(20))
