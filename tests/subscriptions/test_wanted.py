"""Which messages a channel should show, by what fired and what was posted."""

from dataclasses import replace

import pytest

from ops.subscriptions.messages import Button, State
from ops.vocabulary.acknowledgements import GIVEN_BACK, HANDED_OVER, OVER
from ops.vocabulary.quiet_hours import parse_quiet_hours
from ops.vocabulary.timerange import MINUTE
from tests.subscriptions.making import (
    Channel,
    ack,
    at,
    fired,
    had,
    headline,
    lines,
    silenced,
    text,
    thread,
)


def test_a_group_is_one_message_from_its_first_alert_to_its_last() -> None:
    channel = Channel()
    one = fired("QueueDeep", 1, 13, instance="petstore-1", job="petstore")
    two = fired("QueueDeep", 3, 5, instance="petstore-2", job="petstore")
    channel.watch(0, 4, one, two)
    during = channel.only
    channel.watch(4, 40, one, two)

    assert channel.log == [
        "+ QueueDeep is firing (critical)",
        "~ QueueDeep is firing: 2 alerts (critical)",
        "~ QueueDeep is firing (critical)",
        "~ QueueDeep resolved after 12 min",
    ]
    assert "instance=petstore-1, petstore-2" in lines(during)
    assert "Firing since 1:00" in lines(during)
    assert during.service == "petstore"
    assert [each.label for each in during.buttons] == [
        "I have it",
        "Silence 1 h",
        "What changed",
        "Traces",
        "Sample at 100% for 15 min",
    ]
    assert channel.only.buttons == ()
    assert channel.only.final
    assert channel.posted == {}, "the message is forgotten"


def test_what_is_posted_is_a_function_of_what_is_stored() -> None:
    alerts = [fired("QueueDeep", 1, 13), fired("SlowRequests", 2)]
    channel = Channel()
    channel.watch(0, 5, *alerts)
    others = Channel()
    others.posted = dict(channel.posted)
    assert others.wants(20, alerts) == channel.wants(20, alerts)
    assert channel.wants(5, alerts).new == ()


@pytest.mark.parametrize(("ends", "log"), [(2.9, 0), (3.1, 2)])
def test_what_resolves_before_the_minimum_age_is_never_posted(ends: float, log: int) -> None:
    channel = Channel(minimum_age=2 * MINUTE)
    channel.watch(0, 30, fired("QueueDeep", 1, ends))
    assert len(channel.log) == log


def test_an_alert_counts_once_it_is_old_enough() -> None:
    channel = Channel(minimum_age=2 * MINUTE)
    alerts = [fired("QueueDeep", 0, instance="a"), fired("QueueDeep", 5, 6, instance="b")]
    alerts.append(fired("QueueDeep", 8, instance="c"))
    channel.watch(0, 20, *alerts, seconds=15)
    assert channel.log == [
        "+ QueueDeep is firing (critical)",
        "~ QueueDeep is firing: 2 alerts (critical)",
    ]


def test_an_end_that_is_learnt_late_leaves_what_was_posted_resolved() -> None:
    """A source that restarts may be missing for a while: the end is then set back."""
    channel = Channel(minimum_age=2 * MINUTE)
    channel.look(3, fired("QueueDeep", 1))
    channel.look(4, fired("QueueDeep", 1, 2))
    assert channel.log == ["+ QueueDeep is firing (critical)", "~ QueueDeep resolved after 1 min"]


def test_what_resolved_before_it_could_be_posted_is_not_posted() -> None:
    channel = Channel()
    channel.look(10, fired("QueueDeep", 1, 9), fired("SlowRequests", 1))
    assert channel.log == ["+ SlowRequests is firing (critical)"]


def test_the_same_message_says_that_it_fires_again_soon_but_not_later() -> None:
    channel = Channel()
    alerts = fired("QueueDeep", 0, 5), fired("QueueDeep", 15, 20), fired("QueueDeep", 60)
    channel.watch(0, 16, *alerts)
    assert "Firing again since 15:00, first at 0:00" in lines(channel.only)
    channel.watch(16, 80, *alerts)
    first, second = channel.messages.values()
    assert channel.log == [
        "+ QueueDeep is firing (critical)",
        "~ QueueDeep resolved after 5 min",
        "~ QueueDeep is firing (critical)",
        "~ QueueDeep resolved after 20 min",
        "+ QueueDeep is firing (critical)",
    ]
    assert thread(first) == [
        "Resolved at 5:00, after 5 min",
        "Firing again since 15:00",
        "Resolved at 20:00, after 5 min",
    ]
    assert thread(second) == []


def test_who_has_it_is_in_the_message_and_in_its_thread() -> None:
    channel = Channel()
    alert = fired("QueueDeep", 1)
    channel.look(1, alert)
    channel.look(3, alert, around=had(ack("QueueDeep", 2, until=at(62), note="on it")))
    held = channel.only
    back = ack("QueueDeep", 2, ended=at(5), end=GIVEN_BACK)
    over = ack("QueueDeep", 6, id=2, until=at(7), ended=at(7), end=OVER)
    channel.look(8, alert, around=had(over, back))

    assert headline(held) == "QueueDeep is firing, mia has it (critical)"
    assert held.state is State.ACKNOWLEDGED
    assert "mia has it, since 2:00 until 62:00: on it" in lines(held)
    assert "I have it" not in [each.label for each in held.buttons]
    assert held.buttons[-1] == Button("Open incident", "incident start group=QueueDeep")
    assert channel.only.state is State.FIRING
    assert thread(channel.only) == [
        "mia has it, since 2:00",
        "mia gave it back at 5:00",
        "mia has it, since 6:00",
        "mia had it until 7:00. Nobody has it now",
    ]


def test_the_thread_says_from_whom_somebody_got_it_and_why() -> None:
    channel = Channel()
    alert = fired("QueueDeep", 1)
    first = replace(ack("QueueDeep", 2, ended=at(3), end=HANDED_OVER), person="olga")
    ends = "my <!channel> shift ends"
    given = ack("QueueDeep", 3, id=2, given_by="olga", note=ends, ended=at(4), end=HANDED_OVER)
    taken = replace(ack("QueueDeep", 4, id=3, ended=at(5), end=HANDED_OVER), person="ben")
    passed = ack("QueueDeep", 5, id=4, given_by="ann")
    channel.look(6, alert, around=had(passed, taken, given, first))

    assert thread(channel.only) == [
        "olga has it, since 2:00",
        f"mia has it, handed over by olga ({ends}), since 3:00",
        "ben has it, taken over from mia, since 4:00",
        "mia has it, handed over from ben by ann, since 5:00",
    ]


def test_one_who_has_one_alert_of_several_does_not_have_the_group() -> None:
    one, two = fired("QueueDeep", 1, instance="a"), fired("QueueDeep", 1, instance="b")
    channel = Channel()
    own = replace(ack("QueueDeep", 2), fingerprint=one.alert.fingerprint)
    channel.look(3, one, two, around=had(own))
    assert channel.only.state is State.FIRING
    assert "mia has it, since 2:00" in lines(channel.only)


def test_a_silence_is_said_with_its_end_and_what_is_silenced_is_not_posted() -> None:
    channel = Channel()
    alert, later = fired("QueueDeep", 1), fired("SlowRequests", 3)
    channel.look(1, alert)
    channel.look(3, alert, later, around=silenced(63))
    quiet = channel.only
    channel.look(63, alert, later)

    assert text(quiet.headline) == "QueueDeep is firing, silenced until 63:00 (critical)"
    assert "Silenced by bob: known, DB-212" in lines(quiet)
    assert thread(quiet) == ["Silenced by bob until 63:00: known, DB-212"]
    assert "Silence 1 h" not in [each.label for each in quiet.buttons]
    assert channel.log[-2:] == [
        "+ SlowRequests is firing (critical)",
        "~ QueueDeep is firing (critical)",
    ]


def test_a_group_is_silenced_only_if_all_of_it_is() -> None:
    channel = Channel()
    alerts = fired("QueueDeep", 1, instance="a"), fired("QueueDeep", 1, instance="b")
    half = silenced(63, lambda alert: alert.labels["instance"] == "a")
    channel.look(2, *alerts, around=half)
    assert channel.only.state is State.FIRING
    assert "1 of 2 alerts are silenced, inhibited or muted" in lines(channel.only)


def test_an_alert_whose_source_is_silent_is_never_said_to_have_resolved() -> None:
    channel = Channel()
    channel.watch(0, 300, fired("QueueDeep", 1, unknown=4), seconds=30)
    assert channel.log == [
        "+ QueueDeep is firing (critical)",
        "~ QueueDeep was firing, its status is unknown now (critical)",
    ]
    assert channel.only.state is State.UNKNOWN
    assert "Nothing is known since 4:00: their source does not answer" in lines(channel.only)


def test_a_source_that_is_back_says_what_became_of_an_alert() -> None:
    channel = Channel()
    channel.look(5, fired("QueueDeep", 1, unknown=4))
    channel.look(9, fired("QueueDeep", 1))
    channel.look(10, fired("QueueDeep", 1, 9.5))
    assert channel.log[1:] == [
        "~ QueueDeep is firing (critical)",
        "~ QueueDeep resolved after 8 min",
    ]


def test_of_a_group_it_is_said_how_many_are_not_known() -> None:
    channel = Channel()
    known, unknown = (
        fired("QueueDeep", 1, instance="a"),
        fired("QueueDeep", 1, unknown=4, instance="b"),
    )
    channel.look(5, known, unknown)
    assert channel.only.state is State.FIRING
    assert (
        "Nothing is known of 1 of these alerts since 4:00: their source does not answer"
        in lines(channel.only)
    )


def flapping(times: int, start: float = 0, every: float = 2) -> list[float]:
    return [start + number * every for number in range(times)]


def test_what_flaps_is_damped_and_said() -> None:
    channel = Channel()
    alerts = [fired("QueueDeep", start, start + 1) for start in flapping(30)]
    channel.watch(0, 120, *alerts, seconds=15)

    flips = 60
    assert len(channel.log) < flips / 2
    assert channel.log[0] == "+ QueueDeep is firing (critical)"
    assert sum(line.startswith("+") for line in channel.log) == 1
    damped = channel.log[6:-1]
    assert all("is flapping: it fired" in line for line in damped)
    assert channel.log[-1] == "~ QueueDeep resolved after 59 min"
    assert len(thread(channel.only)) <= 10


def test_a_message_about_what_flaps_changes_every_five_minutes_at_most() -> None:
    channel = Channel()
    alerts = [fired("QueueDeep", start, start + 1) for start in flapping(30)]
    channel.watch(0, 10.1, *alerts)
    for minute in (12, 13, 14.9):
        assert channel.wants(minute, alerts).shown == channel.wants(10.1, alerts).shown
    assert channel.wants(15, alerts).shown != channel.wants(10.1, alerts).shown


def test_one_that_flaps_in_a_group_damps_the_group() -> None:
    channel = Channel()
    steady = fired("QueueDeep", 0, instance="steady")
    alerts = [fired("QueueDeep", s, s + 1, instance="restless") for s in flapping(14)]
    channel.watch(0, 28, steady, *alerts)
    channel.watch(28, 70, steady, *alerts)
    assert channel.log[-1] == "~ QueueDeep is firing (critical)"
    assert len(channel.log) < 16


NIGHT = parse_quiet_hours("22:00-07:00 Europe/Berlin")  # 21:00 to 06:00 UTC
HOURS = 60


def test_in_quiet_hours_nothing_is_posted_and_what_lasts_is_posted_after_them() -> None:
    channel = Channel(quiet=NIGHT)
    before, short, lasting = (
        fired("Before", 8 * HOURS),  # 20:00 UTC
        fired("Short", 10 * HOURS, 11 * HOURS),
        fired("Lasting", 11 * HOURS),
    )
    alerts = before, short, lasting
    channel.look(8 * HOURS, *alerts)
    feed = channel.look(10.5 * HOURS, *alerts, fired("Before", 8 * HOURS, instance="b"))
    night = channel.log.copy()
    channel.look(18 * HOURS - 1, *alerts)
    channel.look(18 * HOURS, *alerts)

    assert feed.quiet_until == at(18 * HOURS)
    assert night == [
        "+ Before is firing (critical)",
        "~ Before is firing: 2 alerts (critical)",
    ], "what was posted is edited"
    assert channel.log[2:] == ["~ Before is firing (critical)", "+ Lasting is firing (critical)"]


def test_quiet_hours_end_an_hour_later_when_clocks_are_set_back() -> None:
    """NOON is on 24 November; the change is on 25 October, 30 days before."""
    change = -30 * 24 * HOURS  # 25 October, 12:00 UTC
    alert = fired("QueueDeep", change - 10 * HOURS)
    channel = Channel(quiet=NIGHT)
    for hour, posts in ((5.9, 0), (6, 1)):
        channel.look(change + (hour - 12) * HOURS, alert)
        assert len(channel.log) == posts


def test_more_after_the_quiet_hours_than_one_can_read_are_one_message() -> None:
    channel = Channel(quiet=NIGHT)
    alerts = [fired(f"A{number}", 10 * HOURS + number) for number in range(30)]
    channel.look(17 * HOURS, *alerts)
    channel.look(18 * HOURS, *alerts)
    assert channel.log == ["+ 30 alerts are firing, in 30 groups"]
