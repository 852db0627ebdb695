"""What the commands that check a set-up say: a line each."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Finding:
    """Whether something is well, None for not asked; the sentence that says so or what to mend."""

    well: bool | None
    sentence: str
