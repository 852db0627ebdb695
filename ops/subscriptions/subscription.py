"""A channel's subscription to alerts, and its quiet hours."""

import re
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from ops.errors import InvalidInput
from ops.language.zones import is_zone
from ops.vocabulary import timerange

NOT_PAGING = (
    "OpsPortal tells the channel beside Alertmanager. It does not page anybody and does not "
    "replace paging: keep your receivers for that"
)
CONSOLE = "console"  # the channel of a terminal
_CHANNEL = re.compile(r"[CG][A-Z0-9]{2,31}")
_HOURS = re.compile(r"(\d{1,2}):(\d{2})-(\d{1,2}):(\d{2})", re.ASCII)


@dataclass(frozen=True, slots=True)
class Channel:
    """A channel as its door knows it: Slack's IDs of the workspace and of the channel.

    Others than the company's own people can read one that is `shared`.
    """

    id: str
    team: str = ""
    name: str = ""
    shared: bool = False

    def check(self) -> None:
        """Raise InvalidInput unless it may hear of alerts."""
        if self.id != CONSOLE and not _CHANNEL.fullmatch(self.id):
            raise InvalidInput(
                "only a channel can hear of alerts: mention the bot in the channel that should, "
                "with this command"
            )
        if self.shared:
            raise InvalidInput(
                "this channel is shared with another company (Slack Connect), whose people would "
                "read your alerts; choose a channel of your own"
            )


@dataclass(frozen=True, slots=True)
class QuietHours:
    """From a time of day to another, on the clocks of a time zone; they may span midnight."""

    start: time
    end: time
    zone: str = "UTC"

    def __str__(self) -> str:
        return f"{self.start:%H:%M}-{self.end:%H:%M} {self.zone}"

    def until(self, now: int) -> int:
        """Return when the quiet hours end in which `now` lies (Unix nanoseconds), 0 for none.

        A time that comes twice, because the clock is set back, counts the first time. One that is
        left out when it is set forward counts as if the clock had not been set yet.
        """
        today = timerange.to_datetime(now).astimezone(zone := ZoneInfo(self.zone)).date()
        over = timedelta(days=self.start >= self.end)
        for day in (today - timedelta(days=1), today):
            start = timerange.from_datetime(datetime.combine(day, self.start, zone))
            end = timerange.from_datetime(datetime.combine(day + over, self.end, zone))
            if start <= now < end:
                return end
        return 0


def parse_quiet_hours(text: str) -> QuietHours:
    """Read `22:00-07:00 Europe/Berlin`, UTC without a zone; raises InvalidInput."""
    hours, _, zone = text.strip().partition(" ")
    found, zone = _HOURS.fullmatch(hours), zone.strip() or "UTC"
    wrong = InvalidInput(
        f'"{text[:80]}" are not quiet hours: write quiet="22:00-07:00 Europe/Berlin"'
    )
    if found is None:
        raise wrong
    if not is_zone(zone):
        raise InvalidInput(
            f'"{zone[:80]}" is not a time zone: write one as Europe/Berlin, America/New_York or UTC'
        )
    first, second, third, fourth = map(int, found.groups())
    try:
        start, end = time(first, second), time(third, fourth)
    except ValueError:
        raise wrong from None
    if start == end:
        raise InvalidInput("quiet hours must end at another time than they start")
    return QuietHours(start, end, zone)


@dataclass(frozen=True, slots=True)
class Subscription:
    """A channel that hears of the alerts of a site that a filter selects.

    `id` identifies it everywhere, `number` within its site, and neither is used again. `team` is
    Slack's ID of the workspace, "" for the only one, `channel` of the channel, and `channel_name`
    its name, "" if unknown. `filter` is a line of the alert filter. An alert is shown once it has
    been firing for `minimum_age` nanoseconds. `made_by` is the name of a user, "" if it is `fixed`:
    in the site file, where it is also ended. `made_at` is Unix nanoseconds.

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
        return f"#{self.channel_name}" if self.channel_name else self.channel

    def quiet_until(self, now: int) -> int:
        """Return when the quiet hours end in which `now` lies (Unix nanoseconds), 0 for none."""
        return self.quiet.until(now) if self.quiet else 0

    def __str__(self) -> str:
        parts = [self.filter or "all alerts"]
        if self.minimum_age:
            parts.append(f"after {timerange.format_duration(self.minimum_age)}")
        if self.quiet:
            parts.append(f"quiet {self.quiet}")
        return ", ".join(parts)
