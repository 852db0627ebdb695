"""What a reader makes of a text: a line that the strict parser accepts, and what is not in it."""

from collections.abc import Sequence
from dataclasses import dataclass

MOST_SHOWN = 5


@dataclass(frozen=True, slots=True)
class Reading:
    """A text as a strict line, without the command's name; "" sets no condition.

    `left_out` are the words that mean nothing here, as they were typed. `exact` means that the text
    was a strict line already, so that nothing needs to be said about how it was read. `said` is
    how a time of day was read, with its zone, "" without one.
    """

    line: str
    left_out: tuple[str, ...] = ()
    said: str = ""
    exact: bool = False

    def sentence(self, command: str = "") -> str:
        """Say how the text was read, "" if as it was written.

        For example: Read as `list traces error`, without "weird". `command` is the name of the
        command that the line belongs to.
        """
        if self.exact:
            return ""
        line = f"{command} {self.line}".strip() or "no condition"
        said = f" ({self.said})" if self.said else ""
        return f"Read as `{line}`{said}{_without(self.left_out)}."


def _without(words: Sequence[str]) -> str:
    if not words:
        return ""
    shown = ", ".join(f'"{word}"' for word in words[:MOST_SHOWN])
    more = f" and {len(words) - MOST_SHOWN} more" if len(words) > MOST_SHOWN else ""
    return f", without {shown}{more}"
