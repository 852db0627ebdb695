"""Alerts that fired, and what channels were told of them, for tests."""

from dataclasses import replace
from typing import Any

from ops.alerts.fired import Fired
from ops.sites import Site
from ops.subscriptions.around import Around
from ops.subscriptions.messages import Feed, Message, Posted
from ops.subscriptions.subscription import Subscription
from ops.subscriptions.wanted import wanted
from ops.vocabulary.timerange import MINUTE, SECOND
from tests.alerts.making import NOON, alert

SITE = Site("production", None, (), {}, "")
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


class Channel:
    """A subscribed channel, and what is posted to it: everything that is wanted, at once."""

    def __init__(self, **fields: Any) -> None:
        self.subscription = Subscription(1, 1, "production", "T1", "C1", **fields)
        self.posted: dict[str, Posted] = {}
        self.messages: dict[str, Message] = {}
        self.log: list[str] = []

    def look(self, minutes: float, *every: Fired, around: Around = AROUND) -> Feed:
        """Post and edit what is wanted that many minutes after noon."""
        now = at(minutes)
        known = [as_of(each, now) for each in every if each.start <= now]
        feed = wanted(self.subscription, known, around, tuple(self.posted.values()), now)
        for each in feed.new:
            assert each.key not in self.posted
            self.log.append(f"+ {headline(each)}")
        for each in feed.shown:
            if self.messages.get(each.key) != each:
                self.log.append(f"~ {headline(each)}")
        for each in (*feed.new, *feed.shown):
            self.messages[each.key] = each
            claimed = self.posted[each.key].at if each.key in self.posted else now
            self.posted[each.key] = Posted(each.key, each.groups, claimed)
        there = {each.key for each in (*feed.new, *feed.shown) if not each.final}
        self.posted = {key: each for key, each in self.posted.items() if key in there}
        return feed

    def watch(self, start: float, end: float, *every: Fired, step: float = 5 / 60) -> None:
        """Look again and again, as a bot does."""
        for number in range(round((end - start) / step) + 1):
            self.look(start + number * step, *every)


def as_of(each: Fired, now: int) -> Fired:
    """What was known of it then."""
    each = each if each.end <= now else replace(each, end=0)
    return each if each.unknown <= now else replace(each, unknown=0)


def headline(message: Message) -> str:
    return text(message.headline)


def text(parts: tuple[object, ...]) -> str:
    """A line as it would be read, with times as minutes and seconds since noon."""
    return "".join(part if isinstance(part, str) else _clock(part.at) for part in parts)  # type: ignore[attr-defined]


def _clock(moment: int) -> str:
    minutes, seconds = divmod((moment - NOON) // SECOND, 60)
    return f"{minutes}:{seconds:02}"
