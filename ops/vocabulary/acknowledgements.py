"""Acknowledgements: somebody has an alert, or all alerts of one name."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from ops.vocabulary import timerange
from ops.vocabulary.alerts import Alert

RESOLVED, OVER, GIVEN_BACK, HANDED_OVER = "resolved", "over", "given back", "handed over"
MOST_NAMED = 2  # people


@dataclass(frozen=True, slots=True)
class Acknowledgement:
    """Somebody has an alert; times are Unix nanoseconds.

    `name` is the alert's, and `fingerprint` says which one, "" for all of that name: the group.
    `person` is the name of the user, `user_id` their primary key, None once they are deleted. It
    holds from `since` to `until`, 0 if that is until it resolves. `ended` is 0 while it is in
    force, and `end` says why it is no longer. `given_by` handed it over, "" if nobody did.
    `services` are those of the site file that the alert is about.
    """

    id: int
    site: str
    name: str
    fingerprint: str
    person: str
    user_id: int | None
    since: int
    until: int = 0
    note: str = ""
    ended: int = 0
    end: str = ""
    given_by: str = ""
    services: tuple[str, ...] = ()

    def __str__(self) -> str:
        until = f" until {timerange.format_moment(self.until)}" if self.until else ""
        return f"{self.person} {'had' if self.ended else 'has'} {self.what}{until}"

    @property
    def is_of_group(self) -> bool:
        """Whether it is of all alerts of the name."""
        return not self.fingerprint

    @property
    def what(self) -> str:
        """What somebody has: `QueueDeep`, `all QueueDeep alerts`."""
        return f"all {self.name} alerts" if self.is_of_group else self.name

    @property
    def why(self) -> str:
        """Why the person no longer has it: `it resolved`; "" while it is in force."""
        return {
            RESOLVED: "they resolved" if self.is_of_group else "it resolved",
            OVER: "the time is over",
            GIVEN_BACK: "given back",
            HANDED_OVER: "handed over",
        }.get(self.end, "")

    def overlaps(self, start: int, end: int | None) -> bool:
        """Return whether somebody had it at any time from start to end, None for now."""
        return (end is None or self.since <= end) and (not self.ended or self.ended >= start)


@dataclass(frozen=True, slots=True)
class Holding:
    """The acknowledgements of a site that are in force, by fingerprint and, of groups, by name."""

    alerts: Mapping[str, Acknowledgement] = field(default_factory=dict)
    groups: Mapping[str, Acknowledgement] = field(default_factory=dict)

    @classmethod
    def of_all(cls, found: Iterable[Acknowledgement]) -> "Holding":
        """Return those that are in force, for looking them up."""
        every = [each for each in found if not each.ended]
        return cls(
            {each.fingerprint: each for each in every if each.fingerprint},
            {each.name: each for each in every if each.is_of_group},
        )

    def of(self, alert: Alert) -> Acknowledgement | None:
        """Return who has an alert: its own acknowledgement goes before its group's."""
        return self.alerts.get(alert.fingerprint) or self.of_group(alert.name)

    def of_group(self, name: str) -> Acknowledgement | None:
        """Return who has all alerts of this name."""
        return self.groups.get(name)

    def said_of(self, alerts: Sequence[Alert]) -> str:
        """Return who has these: `mia has it`, `mia has 1 of 3`, "" if nobody has any."""
        found = [held for each in alerts if (held := self.of(each))]
        if not found:
            return ""
        persons = list(dict.fromkeys(each.person for each in found))
        named = " and ".join(persons)
        if len(persons) > MOST_NAMED:
            named = f"{', '.join(persons[:MOST_NAMED])} and {len(persons) - MOST_NAMED} more"
        whole = "it" if len(persons) == 1 else "them"
        what = whole if len(found) == len(alerts) else f"{len(found):,} of {len(alerts):,}"
        return f"{named} {'has' if len(persons) == 1 else 'have'} {what}"


NOBODY = Holding()
