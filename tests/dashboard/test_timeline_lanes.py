"""The time line's lanes: one for each thing that lasted, each bar a sentence."""

import re
from dataclasses import replace

from ops.alerts.by_name import AlertsByName, PastAlerts
from ops.alerts.changes import AlertChange, Kind
from ops.alerts.history import HOLE, Stretch, Strip
from ops.overview.actions import EVERY_KIND, Changes, Happened, Timeline, VersionChange
from ops.overview.incidents import PastIncident
from ops.overview.memory import Memory
from ops.sampling.actions import SamplingChange
from ops.versions.history import History, Period
from ops.vocabulary.acknowledgements import Acknowledgement
from ops.vocabulary.alerts import FIRING, PENDING
from ops.vocabulary.matchers import parse_matchers
from ops.vocabulary.notifications import Silence
from ops.vocabulary.policies import ALWAYS, Policy, rate
from ops.vocabulary.spreads import Spread
from ops.vocabulary.timerange import HOUR, MINUTE, to_datetime
from opsportal.dashboard.clock import Clock
from opsportal.dashboard.timeline_lanes import Group, groups
from tests.alerts.making import NOON

START = NOON - HOUR


def minute(number: int) -> int:
    return START + number * MINUTE


EMPTY = Timeline(
    changes=Changes("production", "", START, NOON, EVERY_KIND, (), False, (), Memory(START), ()),
    alerts=AlertsByName((), 0),
    versions={},
    sampling=(),
    silences=(),
    acknowledgements=(),
    incidents=(),
    sign_ins=(),
    problems=(),
)


def with_rows(*rows: Happened, **fields: object) -> Timeline:
    return replace(EMPTY, changes=replace(EMPTY.changes, found=rows), **fields)  # type: ignore[arg-type]


def url(page: str, **path: str) -> str:
    return "/".join(("", page, *path.values()))


def draw(found: Timeline, most: int = 8) -> dict[str, Group]:
    return {each.heading: each for each in groups(found, Clock(NOON), url, at=0, most=most)}


def titles(group: Group) -> list[list[str]]:
    return [re.findall("<title>(.*?)</title>", lane.drawn) for lane in group.picture.lanes]


def test_nothing_has_no_lane() -> None:
    assert draw(EMPTY) == {}


def test_a_rollout_is_drawn_with_what_ran_before_and_after() -> None:
    history = History(
        START - HOUR, NOON, 0,
        (
            Period("a", "1.2.0", START - HOUR, minute(30)),
            Period("b", "1.2.0", START - HOUR, NOON),
            Period("a", "1.3.0", minute(30), NOON),
        ),
    )  # fmt: skip
    row = Happened(minute(30), version=VersionChange("petstore", ("1.3.0",), ("1.2.0",)))
    found = with_rows(row, versions={"petstore": history, "store": history})

    group = draw(found)["Rollouts"]

    assert [lane.name for lane in group.picture.lanes] == ["petstore"], "store has not changed"
    assert titles(group) == [
        [
            "petstore ran 1.2.0 on 2, 10:00:00 to 11:30:00 UTC",
            "petstore ran 1.2.0 on 1, 1.3.0 on 1, since 11:30:00 UTC",
        ]
    ]
    assert "1.2.0 on 1, 1.3.0 on 1</text>" in group.picture.lanes[0].drawn


def test_alerts_are_drawn_by_name_with_their_holes_and_how_many_more() -> None:
    strip = Strip(
        START, NOON,
        (Stretch(PENDING, minute(10), minute(12)), Stretch(FIRING, minute(12), NOON)),
        (Stretch(HOLE, START, minute(5)),),
    )  # fmt: skip
    deep = PastAlerts("QueueDeep", "warning", "ab", strip)
    found = replace(EMPTY, alerts=AlertsByName((deep,), 40))

    group = draw(found)["Alerts"]

    assert titles(group) == [
        [
            "not watched 11:00:00 to 11:05:00 UTC",
            "QueueDeep pending, 11:10:00 to 11:12:00 UTC",
            "QueueDeep firing, since 11:12:00 UTC",
        ]
    ]
    assert 'class="bar warn" href="/alerts-one/ab"' in group.picture.lanes[0].drawn
    assert group.more == 40


def test_more_lanes_than_are_drawn_are_counted() -> None:
    several = tuple(PastAlerts(str(number), "", "", Strip(START, NOON)) for number in range(12))
    assert draw(replace(EMPTY, alerts=AlertsByName(several, 5)))["Alerts"].more == 4 + 5


def test_a_silent_source_is_named_with_its_reason() -> None:
    rows = (
        Happened(minute(50), alert=AlertChange(minute(50), Kind.SILENT, "other", detail="gone")),
        Happened(minute(20), alert=AlertChange(minute(20), Kind.BACK, "main")),
        Happened(minute(10), alert=AlertChange(minute(10), Kind.SILENT, "main", detail="refused")),
        Happened(minute(5), alert=AlertChange(minute(5), Kind.BACK, "early")),
    )
    assert titles(draw(with_rows(*rows))["Sources that did not answer"]) == [
        ["early did not answer 11:00:00 to 11:05:00 UTC"],
        ["main did not answer 11:10:00 to 11:20:00 UTC: refused"],
        ["other did not answer since 11:50:00 UTC: gone"],
    ]


def test_silences_of_the_same_alerts_share_a_lane() -> None:
    matchers = parse_matchers('alertname="QueueDeep"')
    silences = (
        Silence("b", matchers, minute(40), NOON + HOUR, "bob", "again"),
        Silence("a", matchers, minute(10), minute(20), "alice", ""),
    )
    found = replace(EMPTY, silences=silences)

    [lane] = titles(draw(found)["Silences"])

    assert lane == [
        "bob silenced alertname=&quot;QueueDeep&quot;: again, 11:40:00 to 13:00:00 UTC",
        "alice silenced alertname=&quot;QueueDeep&quot;, 11:10:00 to 11:20:00 UTC",
    ]


def test_who_had_an_alert_is_drawn() -> None:
    held = Acknowledgement(
        1, "production", "QueueDeep", "", "alice", 1, minute(10), note="looking",
        ended=minute(30), end="resolved",
    )  # fmt: skip
    rows = (Happened(minute(10), acknowledgement=held),)

    drawn = draw(with_rows(*rows, acknowledgements=(held,)))

    assert titles(drawn["Acknowledgements"]) == [
        ["alice has all QueueDeep alerts: looking, 11:10:00 to 11:30:00 UTC"]
    ]
    assert titles(drawn["People"]) == [["alice has all QueueDeep alerts: looking, 11:10:00 UTC"]]


def changed(at: int, policy: Policy, until: int = 0) -> SamplingChange:
    return SamplingChange(
        "production", "petstore", Spread.of(()), policy, "olga", "browser", to_datetime(at),
        "r1", (), until=to_datetime(until) if until else None, then=rate(0.01) if until else None,
        reason="a look",
    )  # fmt: skip


def test_a_timed_change_of_sampling_is_followed_by_what_came_after() -> None:
    change = changed(minute(10), ALWAYS, minute(25))
    found = replace(EMPTY, sampling=(change,))

    assert titles(draw(found)["Sampling"]) == [
        [
            "olga set sampling of petstore to always: a look, 11:10:00 to 11:25:00 UTC",
            "sampling of petstore returned to 1%, since 11:25:00 UTC",
        ]
    ]


def test_a_timed_change_that_another_one_ended_is_not_followed() -> None:
    found = replace(
        EMPTY, sampling=(changed(minute(20), rate(0.5)), changed(minute(10), ALWAYS, minute(25)))
    )
    assert titles(draw(found)["Sampling"]) == [
        [
            "olga set sampling of petstore to 50%: a look, since 11:20:00 UTC",
            "olga set sampling of petstore to always: a look, 11:10:00 to 11:20:00 UTC",
        ]
    ]


def test_an_incident_is_drawn_while_it_is_open() -> None:
    closed = PastIncident(1, "petstore slow", "olga", minute(10), "bob", minute(50))
    still = PastIncident(2, "store down", "bob", minute(55))
    rows = (Happened(minute(50), incident=closed, ended=True),)

    drawn = draw(with_rows(*rows, incidents=(still, closed)))

    assert titles(drawn["Incidents"]) == [
        ["bob opened incident 2: store down, open since 11:55:00 UTC"],
        ["olga opened incident 1: petstore slow, open 11:10:00 to 11:50:00 UTC"],
    ]
    assert titles(drawn["People"]) == [["bob closed incident 1: petstore slow, 11:50:00 UTC"]]
