"""Channels that the site file subscribes to alerts."""

import re
from dataclasses import dataclass

from ops.errors import InvalidInput
from ops.toml_file import Table
from ops.vocabulary.alert_filters import AlertFilter, parse_filter
from ops.vocabulary.quiet_hours import FORM, QuietHours, parse_quiet_hours

CONSOLE = "console"  # the channel of a terminal
LONGEST_FILTER = 1_000  # characters
_MATCHERS = 'matchers, such as severity=~"critical|page"'
_CHANNEL = re.compile(r"[CG][A-Z0-9]{2,31}")


def is_channel(id: str) -> bool:
    """Return whether this is Slack's ID of a channel, and not of a person or direct message."""
    return id == CONSOLE or bool(_CHANNEL.fullmatch(id))


@dataclass(frozen=True, slots=True)
class FixedSubscription:
    """A channel by Slack's IDs, and the line of matchers that select its alerts.

    An alert is told once it has been firing for `minimum_age` nanoseconds.
    """

    channel: str
    name: str = ""
    team: str = ""
    filter: str = ""
    quiet: QuietHours | None = None
    minimum_age: int = 0


def subscription_of(table: Table) -> FixedSubscription:
    """Read a table `[[sites.NAME.subscription]]`."""
    found = FixedSubscription(
        channel=table.text("channel", "the ID of a Slack channel, such as C0123456789", ...),
        name=table.text("name", "the channel's name"),
        team=table.text("team", "the ID of a Slack workspace"),
        filter=_filter(table),
        quiet=_quiet(table),
        minimum_age=table.duration("minimum_age", 0),
    )
    if found.channel and not is_channel(found.channel):
        table.problem(
            "channel",
            f'is "{found.channel[:80]}"; it must be the ID of a Slack channel, such as C0123456789',
        )
    table.done()
    return found


def _filter(table: Table) -> str:
    text = table.text("filter", _MATCHERS)
    try:
        found = parse_filter(text)
    except InvalidInput as error:
        table.problem("filter", str(error))
        return ""
    line = str(AlertFilter(matchers=found.matchers))
    if found != AlertFilter(matchers=found.matchers) or len(line) > LONGEST_FILTER:
        table.problem("filter", f'is "{text[:80]}"; it must be {_MATCHERS}')
    return line


def _quiet(table: Table) -> QuietHours | None:
    text = table.text("quiet", f'hours and a time zone in quotes, "{FORM}"')
    try:
        return parse_quiet_hours(text) if text else None
    except InvalidInput as error:
        table.problem("quiet", str(error))
        return None
