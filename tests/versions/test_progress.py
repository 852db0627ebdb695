"""The state of a rollout, from the history and what Kubernetes says."""

from dataclasses import replace

import pytest

from ops.versions.history import History, Period
from ops.versions.progress import NOTHING, State, Verdict, judge
from ops.versions.rollout import InstanceVersion, ServiceVersions, counted
from ops.vocabulary.timerange import HOUR, MINUTE

END = 3 * HOUR


def ran(*periods: tuple[str, str, float, float]) -> ServiceVersions:
    """A service with (instance, version, from, until) in minutes; 180 is now."""
    history = History(
        0,
        END,
        MINUTE,
        tuple(Period(i, v, int(a * MINUTE), int(b * MINUTE)) for i, v, a, b in periods),
    )
    running = tuple(InstanceVersion(each.instance, each.version) for each in history.periods
                    if each.end == END)  # fmt: skip
    found = ServiceVersions("p", "petstore", running, len(running), history=history)
    return replace(found, rollout=judge(dict(found.counts), history, NOTHING, 0))


STEADY = ran(("a", "1", 0, 180), ("b", "1", 0, 180))
DONE = ran(("a", "1", 0, 60), ("b", "1", 0, 70), ("a", "2", 60, 180), ("b", "2", 70, 180))
ROLLING = ran(
    ("a", "1", 0, 172), ("b", "1", 0, 180), ("c", "1", 0, 176), ("a", "2", 172, 180),
    ("c", "2", 176, 180),
)  # fmt: skip
MIXED = ran(("a", "1", 0, 135), ("b", "1", 0, 180), ("a", "2", 135, 180))
LONG = ran(("a", "2", 0, 180), ("b", "1", 0, 180))
TOO_EARLY = "too early to say whether a version is rolling out"
YOUNG = ran(("a", "2", 179.5, 180), ("b", "1", 179.5, 180))  # as its Prometheus is
BACK = ran(
    ("a", "1", 0, 60), ("b", "1", 0, 180), ("a", "2", 60, 80), ("a", "1", 80, 180)
)  # fmt: skip
GOING_BACK = ran(
    ("a", "1", 0, 160), ("b", "1", 0, 162), ("c", "1", 0, 180), ("a", "2", 160, 175),
    ("b", "2", 162, 180), ("a", "1", 175, 180),
)  # fmt: skip
RESTARTED = ran(
    ("a", "1", 0, 160), ("b", "1", 0, 165), ("c", "1", 0, 180), ("a", "2", 160, 180),
    ("b-new", "1", 174, 180),
)  # fmt: skip


@pytest.mark.parametrize(
    ("found", "state", "since", "previous", "news"),
    [
        (STEADY, State.STEADY, 0, "", ""),
        (DONE, State.STEADY, 70, "1", ""),
        (ROLLING, State.ROLLING, 172, "1", "rolling out 2: 2 of 3"),
        (MIXED, State.MIXED, 135, "1", "2 versions for 45 min"),
        (LONG, State.MIXED, 0, "", "2 versions for more than 3 h"),
        (BACK, State.WENT_BACK, 80, "2", "went back to 1"),
        (GOING_BACK, State.ROLLING, 160, "", "going back to 1: 2 of 3"),
        (RESTARTED, State.ROLLING, 160, "1", "rolling out 2: 1 of 3"),
        (ran(), State.UNKNOWN, 0, "", ""),
        (YOUNG, State.UNKNOWN, 179.5, "", TOO_EARLY),
        (ran(("a", "2", 180, 180), ("b", "1", 180, 180)), State.UNKNOWN, 180, "", TOO_EARLY),
        (
            ran(("a", "2", 169, 180), ("b", "1", 169, 180)),
            State.MIXED,
            169,
            "",
            "2 versions for more than 11 min",
        ),
    ],
)
def test_it_judges_a_rollout(
    found: ServiceVersions, state: State, since: float, previous: str, news: str
) -> None:
    rollout = found.rollout

    assert (rollout.state, rollout.since / MINUTE, rollout.previous, found.news) == (
        state, since, previous, news,
    )  # fmt: skip


def test_a_hole_changes_nothing() -> None:
    found = ran(("a", "1", 0, 60), ("a", "2", 60, 90), ("a", "2", 120, 180))

    assert (found.rollout.state, found.rollout.since) == (State.STEADY, 60 * MINUTE)
    assert found.rollout.previous == "1"


def test_what_begins_within_the_history_has_nothing_before() -> None:
    found = ran(("a", "1", 60, 180))

    assert (found.rollout.since, found.rollout.previous) == (60 * MINUTE, "")


@pytest.mark.parametrize(
    ("verdict", "within", "state", "reason"),
    [
        (NOTHING, 40 * MINUTE, State.STUCK, "it has taken longer than 40 min"),
        (NOTHING, 50 * MINUTE, State.MIXED, ""),
        (Verdict(stuck="no progress"), 0, State.STUCK, "no progress"),
        (Verdict(paused="Argo has paused it"), 0, State.PAUSED, "Argo has paused it"),
        (Verdict("no progress", "paused"), 0, State.STUCK, "no progress"),
        (Verdict(paused="paused"), 40 * MINUTE, State.STUCK, "it has taken longer than 40 min"),
    ],
)
def test_it_is_stuck_or_paused_if_someone_says_so(
    verdict: Verdict, within: int, state: State, reason: str
) -> None:
    rollout = judge(dict(MIXED.counts), MIXED.history, verdict, within)

    assert (rollout.state, rollout.reason) == (state, reason)


@pytest.mark.parametrize(("within", "state"), [(6, State.ROLLING), (4, State.STUCK)])
def test_the_way_back_is_stuck_if_it_does_not_go_on(within: int, state: State) -> None:
    found = judge(dict(GOING_BACK.counts), GOING_BACK.history, NOTHING, within * MINUTE)

    assert (found.state, found.version, found.back) == (state, "1", True)


def test_a_rollout_that_cannot_start_is_stuck_though_one_version_runs() -> None:
    found = replace(
        STEADY, rollout=judge(dict(STEADY.counts), STEADY.history, Verdict("no progress"), 0)
    )

    assert found.news == "rollout stuck: no progress"


def test_without_a_history_it_says_what_it_sees() -> None:
    two = judge({"2": 1, "1": 1}, None, NOTHING, MINUTE)

    assert (two.state, two.lasting, two.since, two.version) == (State.UNKNOWN, 0, 0, "2")
    assert judge({"1": 1}, None, NOTHING, 0).state is State.STEADY


@pytest.mark.parametrize(
    ("older", "newer"),
    [("v1.10.0", "v1.9.0"), ("f00ba12", "0c0ffee"), ("1.2²", "1.2"), ("9" * 5_000, "1")],
)
def test_the_newest_is_what_was_first_seen_last(older: str, newer: str) -> None:
    found = ran(("a", older, 0, 170), ("b", older, 0, 180), ("a", newer, 170, 180))

    assert found.counts == ((newer, 1), (older, 1))
    assert found.rollout.version == newer


def test_the_text_decides_between_versions_that_were_seen_together() -> None:
    texts = ("v1.9.0", "v1.10.0", "1.2²", "9" * 5_000, "")
    instances = tuple(InstanceVersion(text, text) for text in texts)

    order = [version for version, _ in counted(instances, None)]

    assert order.index("v1.10.0") < order.index("v1.9.0")
    assert set(order) == set(texts) - {""}
