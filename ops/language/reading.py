"""What a reader makes of a text: a line that the strict parser accepts, and what is not in it."""

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
        without = f", without {self.without}" if self.left_out else ""
        return f"Read as `{line}`{said}{without}."

    @property
    def without(self) -> str:
        """The words that are left out, in quotes; a few, if they are many."""
        shown = ", ".join(f'"{word}"' for word in self.left_out[:MOST_SHOWN])
        more = len(self.left_out) - MOST_SHOWN
        return f"{shown} and {more} more" if more > 0 else shown
