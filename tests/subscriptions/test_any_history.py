"""What holds of a channel's messages whatever fires, and however often a bot is away."""

import random
from collections import Counter

import pytest

from ops.alerts.fired import Fired
from ops.subscriptions.messages import Message, State
from ops.subscriptions.runs import key_of
from ops.vocabulary.timerange import MINUTE
from tests.subscriptions.making import Channel, at, fired

NAMES = [f"A{number}" for number in range(14)]


def history(chance: random.Random) -> list[Fired]:
    """Alerts of a few names that come and go, in bursts, and of which some become unknown."""
    found = []
    for name in NAMES:
        for instance in range(chance.randint(0, 3)):
            start = chance.choice([0.0, 30.0, chance.uniform(0, 60)])
            for _ in range(chance.randint(1, 6)):
                end = start + chance.expovariate(1 / 6)
                last = chance.random() < 0.2
                unknown = start + 1 if last and chance.random() < 0.3 else 0
                over = None if last else end
                found.append(fired(name, start, over, unknown=unknown, instance=str(instance)))
                if last:
                    break
                start = end + chance.expovariate(1 / 8)
    return found


def fires(alerts: list[Fired], name: str, minutes: float, age: int) -> bool:
    """Whether one of this name is old enough and has not been seen to end."""
    return any(
        each.alert.name == name
        and each.start + age <= at(minutes)
        and (not each.end or each.end > at(minutes))
        for each in alerts
    )


def names_of(message: Message) -> set[str]:
    digests = {key.partition("-")[0] for key in message.groups}
    return {name for name in NAMES if key_of(name, 0).partition("-")[0] in digests}


@pytest.mark.parametrize("seed", range(10))
def test_all_that_fires_is_told_once_and_nothing_is_resolved_that_fires(seed: int) -> None:
    chance = random.Random(seed)
    alerts, age = history(chance), chance.choice([0, 0, 2 * MINUTE])
    channel, minutes = Channel(minimum_age=age), 0.0
    while minutes < 150:
        feed = channel.look(minutes, *chance.sample(alerts, len(alerts)))
        there = (*feed.new, *feed.shown)
        told = Counter(key for each in there for key in each.groups)
        assert set(told.values()) <= {1}
        told_names = set().union(*map(names_of, there))
        for name in NAMES:
            if fires(alerts, name, minutes, age):
                assert name in told_names, (name, minutes)
                newest = max(
                    (each for each in there if name in names_of(each)), key=lambda each: each.since
                )
                assert newest.state is not State.RESOLVED, (name, minutes)
        assert channel.wants(minutes, alerts).new == ()
        minutes += chance.choice([0.1, 1, 3, 20])
