"""What a subscribed channel shows: the messages that are wanted, and what was posted before.

    what posts          wanted(posted=…)           what it does with it
    ──────────          ────────────────           ────────────────────────────────────────────
    Posted(key, …)  ──> Feed.new               ──> posts each, in this order, and stores its key
                    ──> Feed.shown             ──> edits those that differ from what is in Slack
                    ──> neither                ──> forgets it, and leaves the message as it is

Nothing here depends on what a process remembers: the same stored state at the same time gives the
same messages. Two messages that show the same are equal, and no text contains an age, so that one
has to be edited only if it is unequal to what was posted.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from ops.subscriptions.subscription import Subscription

STORM = "storm-"
# Characters of what came with an alert: it is hostile, and a message is short.
LONGEST_NAME = 80
LONGEST_LINE = 200


@dataclass(frozen=True, slots=True)
class At:
    """A moment in a text, Unix nanoseconds: a door shows it in the reader's time zone."""

    at: int


Text = tuple[str | At, ...]
"""One line, in parts. It has no markup; what came with alerts is shortened, but not escaped."""


class State(StrEnum):
    """What a message says of its alerts. UNKNOWN: the last that is known is that they fired."""

    FIRING = "firing"
    ACKNOWLEDGED = "acknowledged"
    SILENCED = "silenced"
    FLAPPING = "flapping"
    UNKNOWN = "unknown"
    RESOLVED = "resolved"


@dataclass(frozen=True, slots=True)
class Button:
    """A button that runs a line of the bot's language; `style` is Slack's: "" or "primary"."""

    label: str
    line: str
    style: str = ""


@dataclass(frozen=True, slots=True)
class Detail:
    """A reply in the message's thread.

    A `key` that the message's thread does not have yet is a new reply. If the lines of one that it
    has are others, the reply is edited. One that is no longer listed stays as it is.
    """

    key: str
    lines: tuple[Text, ...]


@dataclass(frozen=True, slots=True)
class Message:
    """A message as it should be now: one group of alerts, or the summary of a storm.

    `key` identifies it within its subscription (at most 40 characters); `groups` are the keys of
    the groups in it, for one group its own key alone. The headline must be clear alone: a phone's
    notification shows only it. Those with less `urgency` are more urgent. It fires `since` then,
    Unix nanoseconds. `name` is that of the group's alerts, "" for a storm; `service` is the service
    of the site file that they are about, if it is one, else "". A `final` message will not change
    any more: after this edit it can be forgotten.
    """

    key: str
    groups: tuple[str, ...]
    state: State
    headline: Text
    lines: tuple[Text, ...] = ()
    details: tuple[Detail, ...] = ()
    buttons: tuple[Button, ...] = ()
    urgency: int = 0
    since: int = 0
    name: str = ""
    service: str = ""
    final: bool = field(default=False, compare=False)

    @property
    def is_storm(self) -> bool:
        """Whether it is the summary of a storm."""
        return self.key.startswith(STORM)


@dataclass(frozen=True, slots=True)
class Posted:
    """A message that was posted, or is about to be: its `key` is claimed.

    `groups` are those of the message as it was shown last (a storm's summary grows), `at` is when
    it was claimed, Unix nanoseconds.
    """

    key: str
    groups: tuple[str, ...]
    at: int

    @property
    def is_storm(self) -> bool:
        """Whether it is the summary of a storm."""
        return self.key.startswith(STORM)


@dataclass(frozen=True, slots=True)
class Feed:
    """What a subscription's channel should show.

    `new` are messages to post, the most urgent first; `shown` are those that were posted, as they
    should be now. During quiet hours there are no new ones, and messages are edited without new
    replies in their threads; `quiet_until` is when these hours end, Unix nanoseconds, else 0.
    """

    subscription: Subscription
    new: tuple[Message, ...] = ()
    shown: tuple[Message, ...] = ()
    quiet_until: int = 0


AllPosted = Mapping[int, tuple[Posted, ...]]
"""What was posted and is not final yet, by the subscription's ID."""


@dataclass(frozen=True, slots=True)
class Feeds:
    """What all subscriptions of a site want, and how to read it.

    A subscription that is missing has ended: what it posted is left as it is. Sites in `failed`
    could not be read; nothing is known of their subscriptions now, so nothing is changed.
    """

    feeds: tuple[Feed, ...] = ()
    failed: Mapping[str, str] = field(default_factory=dict)
