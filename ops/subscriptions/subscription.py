"""A channel's subscription to alerts."""

from dataclasses import dataclass

from ops.errors import InvalidInput
from ops.sites.subscriptions import CONSOLE, is_channel
from ops.vocabulary import timerange
from ops.vocabulary.quiet_hours import QuietHours

NOT_PAGING = (
    "OpsPortal posts in addition to Alertmanager. It pages nobody and does not replace paging, "
    "so keep your receivers"
)


@dataclass(frozen=True, slots=True)
class Channel:
    """A channel as its door knows it: Slack's IDs of the workspace and of the channel.

    It is `shared` if another company's people can read it, None if the door does not know that.
    """

    id: str
    team: str = ""
    name: str = ""
    shared: bool | None = None

    @property
    def label(self) -> str:
        """The channel as people know it."""
        if self.id == CONSOLE:
            return "the console"
        return f"#{self.name}" if self.name else self.id

    def __str__(self) -> str:
        return f"{self.id} ({self.label})" if self.name else self.id

    def check(self) -> None:
        """Raise InvalidInput if it must not be subscribed, as far as the door knows."""
        if not is_channel(self.id):
            raise InvalidInput(
                "only a channel can be subscribed: mention the bot there, with this command"
            )
        if self.shared:
            raise InvalidInput(
                "this channel is shared with another company (Slack Connect), whose people would "
                "read your alerts; choose a channel of your own"
            )


@dataclass(frozen=True, slots=True)
class Subscription:
    """A channel that is subscribed to the alerts of a site that a filter selects.

    `id` identifies it everywhere, `number` within its site, and neither is used again. `team` is
    Slack's ID of the workspace, "" for the only one, `channel` of the channel, and `channel_name`
    its name, "" if unknown. `filter` is a line of matchers. An alert is shown once it has been
    firing for `minimum_age` nanoseconds. `made_by` is the name of a user, "" if it is `fixed`: in
    the site file, where it is also ended. `made_at` is Unix nanoseconds.

    `problem` says why nothing can be posted, "" if nothing is known to be wrong.
    """

    id: int
    number: int
    site: str
    team: str
    channel: str
    channel_name: str = ""
    filter: str = ""
    quiet: QuietHours | None = None
    minimum_age: int = 0
    made_by: str = ""
    made_at: int = 0
    fixed: bool = False
    problem: str = ""

    @property
    def where(self) -> str:
        """The channel as people know it."""
        return Channel(self.channel, self.team, self.channel_name).label

    @property
    def what(self) -> str:
        """Which alerts it is about, for a sentence."""
        return self.filter or "all alerts"

    @property
    def terms(self) -> str:
        """When it is told: `after 2 min, quiet 22:00-07:00 Europe/Berlin`, "" for always."""
        after = f"after {timerange.format_exact(self.minimum_age)}" if self.minimum_age else ""
        return ", ".join(filter(None, (after, f"quiet {self.quiet}" if self.quiet else "")))

    def quiet_until(self, now: int) -> int:
        """Return when the quiet hours end in which `now` lies (Unix nanoseconds), 0 for none."""
        return self.quiet.until(now) if self.quiet else 0

    def __str__(self) -> str:
        return f"subscription {self.number}: {self.where}, for {self.what}"
