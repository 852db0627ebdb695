"""More groups at once than a channel can read as messages of their own."""

import random
from collections import Counter

from ops.alerts.fired import Fired
from ops.subscriptions.messages import Feed, Message, Posted, State
from ops.subscriptions.wanted import MOST_NEW
from tests.subscriptions.making import Channel, ack, at, fired, had, headline, lines, silenced, text


def groups(number: int, start: float = 0, end: float | None = None, first: int = 0) -> list[Fired]:
    return [fired(f"A{first + each}", start, end, job="petstore") for each in range(number)]


def listed(message: Message) -> list[str]:
    return [text(line) for detail in message.details for line in detail.lines]


def test_as_many_groups_as_can_be_read_are_messages_of_their_own() -> None:
    channel = Channel()
    channel.look(0, *groups(MOST_NEW))
    assert len(channel.messages) == MOST_NEW
    assert not any(each.is_storm for each in channel.messages.values())


def test_a_thousand_alerts_in_two_hundred_groups_are_one_message() -> None:
    channel = Channel(filter='severity=~"page|warning"')
    alerts = [
        fired(f"A{number % 200}", 0, severity=("page", "warning")[number % 3 > 0], n=str(number))
        for number in range(1_000)
    ]
    channel.look(0, *alerts)
    channel.watch(0, 10, *alerts, seconds=60)

    assert channel.log == ["+ 1,000 alerts are firing, in 200 groups"]
    assert len(channel.only.lines) <= 8
    assert channel.only.buttons[0].line == 'alerts state=firing severity=~"page|warning"'
    assert "and 195 groups more, listed in the thread" in lines(channel.only)
    names = [line.partition(" ")[0] for line in listed(channel.only)]
    assert sorted(names) == sorted(f"A{number}" for number in range(200))
    assert len(channel.only.details) == 7
    assert len(channel.only.key) <= 40


def test_groups_that_come_one_after_the_other_are_a_storm_from_the_eleventh_on() -> None:
    channel = Channel()
    alerts = [fired(f"A{number}", number * 2 / 60) for number in range(30)]
    channel.watch(0, 3, *alerts, seconds=1)

    posts = [line for line in channel.log if line.startswith("+")]
    assert len(posts) == MOST_NEW + 1
    assert posts[-1] == "+ 1 alert is firing, in 1 group"
    [storm] = [each for each in channel.messages.values() if each.is_storm]
    assert headline(storm) == "20 alerts are firing, in 20 groups"


def test_slowly_coming_groups_are_never_a_storm() -> None:
    channel = Channel()
    alerts = [fired(f"A{number}", number * 10 / 60) for number in range(60)]
    channel.watch(0, 15, *alerts)
    assert len(channel.messages) == 60


def test_a_storm_goes_on_in_its_message_and_a_later_one_is_another() -> None:
    channel = Channel()
    first, more = groups(20), groups(20, 5, first=20)
    later = groups(20, 30, first=40)
    channel.watch(0, 31, *first, *more, *later, seconds=30)
    assert channel.log == [
        "+ 20 alerts are firing, in 20 groups",
        "~ 40 alerts are firing, in 40 groups",
        "+ 20 alerts are firing, in 20 groups",
    ]


def test_few_groups_after_a_storm_are_messages_of_their_own() -> None:
    channel = Channel()
    channel.watch(0, 5, *groups(20), fired("Late", 3))
    assert channel.log[1:] == ["+ Late is firing (critical)"]


def test_a_storm_says_what_is_left_and_that_all_has_resolved() -> None:
    channel = Channel()
    alerts = [*groups(20, 0, 12), *groups(5, 0, 20, first=20)]
    channel.watch(0, 40, *alerts, seconds=30)
    assert channel.log == [
        "+ 25 alerts are firing, in 25 groups",
        "~ 5 alerts are firing, in 5 of 25 groups",
        "~ All alerts of 25 groups have resolved after 20 min",
    ]
    assert channel.only.state is State.RESOLVED
    assert channel.posted == {}
    assert "A3 (critical): resolved at 12:00" in listed(channel.only)


def test_a_storm_whose_sources_are_silent_has_not_resolved() -> None:
    channel = Channel()
    alerts = [fired(f"A{number}", 0, unknown=2) for number in range(20)]
    channel.watch(0, 60, *alerts, seconds=30)
    assert channel.only.state is State.UNKNOWN
    assert headline(channel.only) == "20 alerts are firing, in 20 groups"


def test_a_storm_says_who_has_what() -> None:
    channel = Channel()
    channel.look(0, *groups(20))
    channel.look(2, *groups(20), around=had(ack("A3", 1)))
    some = channel.only
    channel.look(3, *groups(20), around=silenced(63))

    assert some.state is State.FIRING
    assert "A3 (critical): acknowledged since 0:00" in listed(some)
    assert channel.only.state is State.SILENCED


def test_groups_that_ended_long_ago_are_still_counted() -> None:
    """They are not read any more, but were in the message."""
    channel = Channel()
    lasting = groups(1, first=19)
    channel.look(0, *groups(19), *lasting)
    channel.look(300, *lasting)
    assert channel.log[-1] == "~ 1 alert is firing, in 1 of 20 groups"


def test_what_could_not_be_posted_is_merged() -> None:
    """Nothing could be posted for an hour, in which groups came slowly."""
    channel = Channel()
    alerts = [fired(f"A{number}", number * 2) for number in range(30)]
    channel.look(60, *alerts)
    assert channel.log == ["+ 30 alerts are firing, in 30 groups"]


def test_nothing_new_is_no_storm_however_much_was_posted() -> None:
    channel = Channel()
    channel.look(0, *groups(MOST_NEW))
    channel.look(2, *groups(MOST_NEW), *groups(MOST_NEW, start=2, first=MOST_NEW))
    feed = channel.wants(0, groups(MOST_NEW))  # the clock was set back
    assert not feed.new
    assert len(feed.shown) == MOST_NEW


def test_a_group_that_was_posted_alone_is_not_in_the_summary() -> None:
    """One bot posted it while another one, which did not know that yet, put it into a storm."""
    channel = Channel()
    alerts = groups(20)
    channel.look(0, *alerts)
    [storm] = channel.posted.values()
    alone = storm.groups[0]
    channel.posted[alone] = Posted(alone, (alone,), at(0))
    feed = channel.wants(1, alerts)
    assert feed.new == ()
    assert sorted(len(each.groups) for each in feed.shown) == [1, 19]


def test_two_processes_with_the_same_state_want_the_same() -> None:
    alerts = groups(40)
    forwards, backwards = Channel().wants(0, alerts), Channel().wants(0, alerts[::-1])
    assert forwards == backwards


class Slack:
    """Two bots that die and are slow, and post at most one message a second to the channel."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.channel = Channel()
        self.posts: Counter[str] = Counter()

    def run(self, seconds: int, alerts: list[Fired]) -> Feed:
        for second in range(seconds):
            feed = self.channel.wants(second / 60, alerts)
            if self.random.random() < 0.3:  # the bot dies before it does anything
                continue
            claimed = {key: each.at for key, each in self.channel.posted.items()}
            for each in (*feed.new[:1], *feed.shown):
                if each.key not in claimed:
                    self.posts[each.key] += 1
                when = claimed.get(each.key, at(second / 60))
                self.channel.posted[each.key] = Posted(each.key, each.groups, when)
                self.channel.messages[each.key] = each
        return self.channel.wants(seconds / 60, alerts)


def test_in_a_storm_with_slow_bots_all_groups_are_readable_and_nothing_is_posted_twice() -> None:
    for seed in range(3):
        slack, chance = Slack(seed), random.Random(seed)
        alerts = [
            fired(f"A{number % 200}", chance.random() * 1.0, n=str(number))
            for number in range(1_000)
        ]
        feed = slack.run(120, alerts)
        covered = Counter(key for each in feed.shown for key in each.groups)
        assert feed.new == ()
        assert len(covered) == 200
        assert set(covered.values()) == {1}
        assert set(slack.posts.values()) == {1}
        assert len(slack.posts) <= MOST_NEW + 1
