"""What actions on silences return."""

from dataclasses import dataclass

from ops.alerts.answers import SourceFailure
from ops.silences import rules
from ops.vocabulary import timerange
from ops.vocabulary.matchers import Matcher
from ops.vocabulary.notifications import Notification, Silence


@dataclass(frozen=True, slots=True)
class ShownSilence:
    """A silence, and how many of the alerts that Alertmanager has now it silences.

    `is_idle`: it is in force, and surely matches no alert.
    """

    silence: Silence
    alerts: int
    is_idle: bool = False


@dataclass(frozen=True, slots=True)
class SilenceList:
    """The silences of a site that have not ended, the next to end first.

    `failures` are the Alertmanagers that did not answer: silences may be missing, and alerts.
    """

    site: str
    silences: tuple[ShownSilence, ...]
    failures: tuple[SourceFailure, ...] = ()

    @property
    def idle(self) -> int:
        """How many of them match no alert."""
        return sum(each.is_idle for each in self.silences)

    @property
    def idle_words(self) -> str:
        """How many of them match no alert, as the end of a heading; "" for none."""
        verb = "matches" if self.idle == 1 else "match"
        return f", {self.idle:,} {verb} no alert" if self.idle else ""


@dataclass(frozen=True, slots=True)
class Preview:
    """What a silence would hide now: `hides` are alerts that Alertmanager has.

    `questions` are sentences that must be confirmed before it is made.
    """

    site: str
    matchers: tuple[Matcher, ...]
    hides: tuple[Notification, ...]
    questions: tuple[str, ...]
    failures: tuple[SourceFailure, ...] = ()


@dataclass(frozen=True, slots=True)
class MadeSilence:
    """A silence as it is after a change, and how many alerts it silences.

    `replaced` is the ID of the silence in whose place it is, "" if it is new or the same.
    `number` is a new one's, by which its end is announced; 0 if that could not be recorded.
    """

    site: str
    silence: Silence
    hides: int
    replaced: str = ""
    number: int = 0

    @property
    def warn_at(self) -> int:
        """When to warn of the end of a new one (Unix nanoseconds)."""
        return rules.warn_at(self.silence.starts_at, self.silence.ends_at)

    def __str__(self) -> str:
        until = timerange.format_moment(self.silence.ends_at)
        instead = f", instead of {self.replaced}" if self.replaced else ""
        return f"silence {self.silence.id} until {until}{instead}"
