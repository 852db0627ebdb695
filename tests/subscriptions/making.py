"""Alerts that fired, and a channel that is told of them, for tests."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from ops.alerts.fired import Fired
from ops.alerts.notifying import Delivery, Notified
from ops.sites import AlertmanagerSource, JaegerSource, Service, Site
from ops.subscriptions.around import Around
from ops.subscriptions.messages import At, Feed, Message, Posted, Text
from ops.subscriptions.subscription import Subscription
from ops.subscriptions.wanted import wanted
from ops.vocabulary.acknowledgements import Acknowledgement, Holding
from ops.vocabulary.alerts import Alert
from ops.vocabulary.notifications import Silence
from ops.vocabulary.timerange import MINUTE, SECOND
from tests.alerts.making import NOON, alert

SITE = Site(
    "production",
    JaegerSource("localhost:16685"),
    (),
    {"petstore": Service("petstore", "petstore", alerts={"job": "petstore"})},
    "petstore",
    alertmanager=(AlertmanagerSource("am", "http://localhost:9093"),),
)
AROUND = Around(SITE)


def at(minutes: float) -> int:
    """Return a time that many minutes after noon."""
    return NOON + round(minutes * MINUTE)


def fired(
    name: str, start: float, end: float | None = None, *, unknown: float = 0, **labels: str
) -> Fired:
    """An alert that fires from one minute after noon to another, or still."""
    return Fired(
        alert(name, {"severity": "critical", **labels}),
        at(start),
        0 if end is None else at(end),
        at(unknown) if unknown else 0,
    )


def had(*acknowledgements: Acknowledgement) -> Around:
    return replace(
        AROUND, acknowledgements=acknowledgements, holding=Holding.of_all(acknowledgements)
    )


def ack(name: str, since: float, *, id: int = 1, **fields: Any) -> Acknowledgement:
    return Acknowledgement(id, "production", name, "", "mia", 1, at(since), **fields)


def silenced(until: float, which: Callable[[Alert], bool] = lambda _: True) -> Around:
    silence = Silence("5f1c", (), at(0), at(until), "bob", "known, DB-212")
    held = Notified(Delivery.SILENCED, ("pets",), (silence,))
    free = Notified(Delivery.NOTIFIED, ("pets",))
    return replace(AROUND, notified=lambda alert: held if which(alert) else free)


class Channel:
    """A subscribed channel, to which everything that is wanted is posted at once.

    `log` has each post, as `+ headline`, and each edit, as `~ headline`.
    """

    def __init__(self, **fields: Any) -> None:
        self.subscription = Subscription(1, 1, "production", "T1", "C1", **fields)
        self.posted: dict[str, Posted] = {}
        self.messages: dict[str, Message] = {}
        self.log: list[str] = []

    def wants(self, minutes: float, every: Sequence[Fired], around: Around = AROUND) -> Feed:
        """What is wanted that many minutes after noon."""
        now = at(minutes)
        known = [as_of(each, now) for each in every if each.start <= now]
        return wanted(self.subscription, known, around, tuple(self.posted.values()), now)

    def look(self, minutes: float, *every: Fired, around: Around = AROUND) -> Feed:
        """Post and edit what is wanted then."""
        feed = self.wants(minutes, every, around)
        for each in feed.new:
            assert each.key not in self.posted
            self.log.append(f"+ {headline(each)}")
        for each in feed.shown:
            if self.messages[each.key] != each:
                self.log.append(f"~ {headline(each)}")
        there = (*feed.new, *feed.shown)
        claimed = {key: each.at for key, each in self.posted.items()}
        self.messages |= {each.key: each for each in there}
        self.posted = {
            each.key: Posted(each.key, each.groups, claimed.get(each.key, at(minutes)))
            for each in there
            if not each.final
        }
        return feed

    def watch(self, start: float, end: float, *every: Fired, seconds: float = 5) -> None:
        """Look again and again, as a bot does."""
        for number in range(round((end - start) * 60 / seconds) + 1):
            self.look(start + number * seconds / 60, *every)

    @property
    def only(self) -> Message:
        """The one message."""
        [found] = self.messages.values()
        return found


def as_of(each: Fired, now: int) -> Fired:
    """What was known of it then."""
    each = each if each.end <= now else replace(each, end=0)
    return each if each.unknown <= now else replace(each, unknown=0)


def headline(message: Message) -> str:
    return text(message.headline)


def lines(message: Message) -> list[str]:
    return [text(line) for line in message.lines]


def thread(message: Message) -> list[str]:
    """What is in its thread after the list of alerts."""
    return [text(line) for detail in message.details[1:] for line in detail.lines]


def text(parts: Text) -> str:
    """A line as it would be read, with times in minutes and seconds after noon."""
    return "".join(_clock(part.at) if isinstance(part, At) else part for part in parts)


def _clock(moment: int) -> str:
    minutes, seconds = divmod((moment - NOON) // SECOND, 60)
    return f"{minutes}:{seconds:02}"
