"""Texts and times in an incident's Markdown; pure.

Texts of alerts, traces and people are hostile: what Markdown gives a meaning is escaped, and each
is one line. All times are in one zone, which is named.
"""

import re
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from ops.vocabulary import timerange
from ops.vocabulary.texts import shortened

LONGEST = 400  # characters of a text, except notes
_MEANT = re.compile(r"([\\`*_{}\[\]<>#|~&!$@])")
_LINKED = re.compile(r"(?i)(https?|ftp)(://)|(www)(\.)")
# GitHub and Slack see names behind a backslash too, and would notify them.
_NAMED = re.compile(r"(?<!\w)\\@(?=\w)")
_NOBODY = r"\\@" + "\N{WORD JOINER}"
_LISTED = re.compile(r"^(\d*)([-+.)=])(?=\s|$)")


@dataclass(frozen=True, slots=True)
class Zone:
    """The zone of all times, and the day that goes without saying."""

    zone: ZoneInfo
    day: int  # Unix nanoseconds

    def clock(self, at: int) -> str:
        """Return `14:06`, with the date in front on another day."""
        moment, usual = self._local(at), self._local(self.day)
        return (
            f"{moment:%H:%M}"
            if moment.date() == usual.date()
            else f"{self.date(at)} {moment:%H:%M}"
        )

    def date(self, at: int) -> str:
        """Return `30 November 2026`."""
        moment = self._local(at)
        return f"{moment.day} {moment:%B %Y}"

    def _local(self, at: int) -> datetime:
        return timerange.to_datetime(at).astimezone(self.zone)


def escaped(text: str, longest: int = LONGEST) -> str:
    """Return a text as one line of Markdown that says just that."""
    line = " ".join("".join(each if each.isprintable() else " " for each in text).split())
    said = _LINKED.sub(r"\1\3\\\2\4", _MEANT.sub(r"\\\1", shortened(line, longest)))
    return _LISTED.sub(r"\1\\\2", _NAMED.sub(_NOBODY, said))


def linked(text: str, url: str) -> str:
    """Return a link, or the text alone without an address."""
    return f"[{escaped(text)}](<{url}>)" if url else escaped(text)
