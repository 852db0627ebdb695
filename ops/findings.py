"""Findings of the commands that check a setup, one line each."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Finding:
    """The result of one check: passed, failed or (None) not checked, and a sentence about it."""

    well: bool | None
    sentence: str
