"""What can go wrong, in the words people read.

OpsError                 anything an action refuses or cannot do; str() is one clear sentence
├── InvalidInput         the request itself is wrong; says the accepted form
├── NotFound             nothing of that name or id
│   └── NotSetUp         the site file gives the site no such backend
├── NotPermitted         the actor may not do this
├── Conflict             the state does not allow it now
├── NotConfirmed         a change reached only some of its targets; `result` says which
├── Busy                 too much is asked at this moment; the same may be asked again soon
├── DatabaseUnavailable  our own database does not answer, or cannot be read or written
└── BackendUnavailable   a backend did not answer as it should; says which, and what to check
    └── BackendTimeout   it did not answer in time

Each door turns these into its own output in exactly one place.
"""

import difflib
import heapq
from collections.abc import Iterable
from os.path import commonprefix


class OpsError(Exception):
    """Base of everything an action raises on purpose; str() is fit for users."""


class InvalidInput(OpsError):
    """The request is wrong as it stands; nothing was sent anywhere."""


class NotFound(OpsError):
    """There is nothing of that name or id."""


class NotSetUp(NotFound):
    """The site has no backend of that kind, and need not have one."""


class NotPermitted(OpsError):
    """The actor lacks the permission."""


class Conflict(OpsError):
    """The current state does not allow this now."""


class NotConfirmed(OpsError):
    """A change did not reach all of its targets.

    `result` is the action's ordinary result, so that a door can show each target.
    """

    def __init__(self, message: str, result: object) -> None:
        super().__init__(message)
        self.result = result


class Busy(OpsError):
    """Too many wait before this; nothing was done, and it may be asked again in a moment."""


class DatabaseUnavailable(OpsError):
    """Our own database does not answer, or cannot do what it is asked."""


class BackendUnavailable(OpsError):
    """A backend cannot be reached or answers nonsense.

    `backend` is its name for people, such as "Jaeger of production". `answered` means that it
    did answer, only not as it should: nobody had to wait, and it may well serve other calls.
    """

    def __init__(self, message: str, *, backend: str, answered: bool = False) -> None:
        super().__init__(message)
        self.backend = backend
        self.answered = answered


class BackendTimeout(BackendUnavailable):
    """A backend did not answer within its time."""


LONGEST_COMPARED = 100  # characters: longer words are nobody's slips, and costly to compare
MOST_COMPARED = 32  # words that are compared as a whole, of those that begin and end most alike
_NEAR = 0.7


def nearest(word: str, known: Iterable[str]) -> str:
    """Return the known word that is most like it, in any case; "" when none is near."""
    if len(word) > LONGEST_COMPARED:
        return ""
    typed = word.lower()
    small = {each.lower(): each for each in sorted(known)}
    alike = heapq.nlargest(MOST_COMPARED, small, key=lambda each: _same_ends(typed, each))
    near = difflib.get_close_matches(typed, sorted(alike), n=1, cutoff=_NEAR)
    return small[near[0]] if near else ""


def _same_ends(one: str, other: str) -> int:
    """Return how many letters they share at the beginning and at the end."""
    return len(commonprefix((one, other))) + len(commonprefix((one[::-1], other[::-1])))


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Return `; did you mean "x"?` for the nearest known word, or "" when none is near."""
    near = nearest(word, known)
    return f'; did you mean "{near}"?' if near else ""
