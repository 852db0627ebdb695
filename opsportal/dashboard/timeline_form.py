"""Which part of the time line to show: window, moment, service, person and kinds."""

from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlencode

from django import forms
from django.conf import settings

from ops.overview.actions import ChangeKind
from ops.vocabulary import timerange
from ops.vocabulary.timerange import DAY, HOUR, MINUTE, SECOND, format_exact, format_moment
from opsportal.dashboard.fields import DurationField, MomentField, TimedForm

LENGTHS = {
    "5m": 5 * MINUTE,
    "15m": 15 * MINUTE,
    "1h": HOUR,
    "3h": 3 * HOUR,
    "6h": 6 * HOUR,
    "1d": DAY,
    "3d": 3 * DAY,
    "7d": 7 * DAY,
    "30d": 30 * DAY,
}
DEFAULT = HOUR
SHORTEST = MINUTE
LONGEST_NAME = 150
KINDS = {
    "rollouts": ChangeKind.ROLLOUTS,
    "alerts": ChangeKind.ALERTS,
    "silences": ChangeKind.SILENCES,
    "acknowledgements": ChangeKind.ACKNOWLEDGEMENTS,
    "sampling": ChangeKind.SAMPLING,
    "incidents": ChangeKind.INCIDENTS,
    "audit": ChangeKind.OTHERS,
}


@dataclass(frozen=True, slots=True)
class View:
    """A part of the time line; times are Unix nanoseconds.

    With a moment `at`, the window is around it; else it ends now. No `kinds` means all.
    """

    now: int
    length: int = DEFAULT
    at: int = 0
    service: str = ""
    person: str = ""
    kinds: tuple[str, ...] = ()

    @property
    def end(self) -> int:
        """The end of the window: not later than now, unless the moment is."""
        if not self.at:
            return self.now
        return max(min(self.at + self.length // 2, self.now), self.at)

    @property
    def start(self) -> int:
        return max(self.end - self.length, 0)

    @property
    def query(self) -> str:
        """The address' query that shows it."""
        parts: list[tuple[str, str]] = []
        if self.at:
            parts.append(("at", format_moment(self.at // SECOND * SECOND)))
        if self.length != DEFAULT:
            name = next((name for name, each in LENGTHS.items() if each == self.length), "")
            parts.append(("last", name or format_exact(self.length)))
        parts += [(name, text) for name in ("service", "person") if (text := getattr(self, name))]
        parts += [("kind", each) for each in self.kinds]
        return f"?{urlencode(parts)}"

    @property
    def moves(self) -> dict[str, str]:
        """Where the window can go, as link texts and queries."""
        middle = self.start + self.length // 2
        half = self.length // 2
        found = {"earlier": replace(self, at=middle - half).query}
        if self.end < self.now:
            later = middle + half
            ends_now = later + half >= self.now
            found["later"] = replace(self, at=0 if ends_now else later).query
        lengths = [*LENGTHS.values()]
        shorter = [each for each in lengths if each < self.length]
        longer = [each for each in lengths if each > self.length]
        if shorter:
            found["zoom in"] = replace(self, length=shorter[-1]).query
        if longer:
            found["zoom out"] = replace(self, length=longer[0]).query
        if self.at:
            found["now"] = replace(self, at=0).query
        return found

    @property
    def everything(self) -> str:
        """The query of the same window without filters."""
        return View(self.now, self.length, self.at).query

    def toggled(self, kind: str) -> str:
        """Return the query of the same with a kind added or removed."""
        now = self.kinds or KINDS
        kinds = [each for each in KINDS if (each in now) != (each == kind)]
        return replace(self, kinds=() if len(kinds) == len(KINDS) else tuple(kinds)).query


class TimelineForm(TimedForm):
    """Which part to show; if valid, `view` is that part."""

    at = MomentField(label="At", help_text="now-2h, 14:20, 2026-11-24T14:20:51Z")
    last = DurationField(required=False, label="Window", help_text="1h, 6h, 7d")
    service = forms.CharField(
        required=False, max_length=LONGEST_NAME, widget=forms.TextInput({"list": "line-services"})
    )
    person = forms.CharField(
        required=False, max_length=LONGEST_NAME, widget=forms.TextInput({"list": "line-people"})
    )
    kind = forms.MultipleChoiceField(
        required=False,
        choices=[(each, each) for each in KINDS],
        widget=forms.MultipleHiddenInput,
    )

    view: View

    def clean_last(self) -> int:
        """Return the window's length, the usual one if none is given."""
        length: int = self.cleaned_data["last"] or DEFAULT
        longest = max(settings.HISTORY_DAYS, 30) * DAY
        if not SHORTEST <= length <= longest:
            raise forms.ValidationError(
                f"a window is between {timerange.format_duration(SHORTEST)} and "
                f"{timerange.format_duration(longest)} long"
            )
        return length

    def clean(self) -> dict[str, Any]:
        given: dict[str, Any] = super().clean() or {}
        if not self.errors:
            now = self.clock.now
            self.view = View(
                now=now,
                length=given["last"],
                at=given["at"].at(now) if given["at"] else 0,
                service=given["service"],
                person=given["person"],
                kinds=tuple(each for each in KINDS if each in given["kind"]),
            )
        return given
