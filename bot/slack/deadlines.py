"""How long the bot waits for the database before it goes on without it."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Deadlines:
    """The database's deadlines, in seconds, and what happens after them."""

    record: float = 1.0  # acknowledge a message unrecorded: Slack waits for three seconds in all
    record_change: float = 2.5  # make no change: it must be recorded first
    order: float = 1.0  # let no message wait for earlier ones
    limits: float = 0.5  # keep the rate limits in this process alone
    report: float = 1.0  # leave out a status report


USUAL_DEADLINES = Deadlines()
