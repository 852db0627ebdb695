"""Possible statements about two windows of traces, and what their words share. Pure."""

from dataclasses import dataclass

from ops.traces import chance
from ops.traces.searches import Searches
from ops.traces.tally import Tally
from ops.traces.windows import Share, Statement
from ops.vocabulary.figures import count, share
from ops.vocabulary.texts import shortened

FAILED = 3  # fewer failed traces are no news
MORE_OFTEN, MORE = 2, 0.01  # times the other share, and at least so much more
LONGEST_NAME = 60


@dataclass(frozen=True, slots=True)
class Sides:
    """Two windows, how to search in the first, and what to call the other: `the hour before`."""

    now: Tally
    before: Tally
    searches: Searches
    then: str


@dataclass(frozen=True, slots=True)
class Candidate:
    """A statement that counts if it is not chance; its chance is 1 if it is too small to matter.

    Of several about the same `subject` the first counts. The greatest `weight` comes first.
    """

    subject: object
    weight: float
    statement: Statement
    is_new: bool = False


def failing_by_chance(own: Share, other: Share, *, new: bool = False) -> float:
    """Return how likely a share of failed traces is by chance, or 1 if it is too small to matter.

    A `new` failure matters however rare it is.
    """
    least = 0.0 if new else max(MORE_OFTEN * other.share, other.share + MORE)
    if own.failed < FAILED or own.share < least:
        return 1.0
    return chance.more_often(own.failed, own.traces, other.failed, other.traces)


def named(text: str) -> str:
    """Return a name for a sentence."""
    return shortened(text, LONGEST_NAME)


def percent(of: Share) -> str:
    """Return `12% of 340 traces`."""
    return f"{share(of.share)} of {count(of.traces, 'trace')}"


def percent_too(of: Share) -> str:
    """Return `0.3% of 2,100`, `none of 40`, for after a `percent`."""
    return f"{share(of.share) if of.failed else 'none'} of {of.traces:,}"
