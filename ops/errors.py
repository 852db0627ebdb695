"""Errors that actions raise, worded for users.

OpsError                 base class; str() is one clear sentence
├── InvalidInput         the request is wrong; the message gives the accepted form
├── NotFound             no object has that name or ID
│   └── NotSetUp         the site file has no such backend for the site
├── NotPermitted         the actor lacks the permission
├── Conflict             the current state does not allow this
├── NotConfirmed         a change reached only some of its targets; `result` lists them
├── Busy                 too many requests right now; the same request may work in a moment
├── DatabaseUnavailable  our own database does not answer, or cannot be read or written
└── BackendUnavailable   a backend failed; the message names it and what to check
    └── BackendTimeout   the backend did not answer in time

Each door turns these into its own output in exactly one place.
"""

import difflib
import heapq
from collections.abc import Iterable
from os.path import commonprefix


class OpsError(Exception):
    """Base class of every error an action raises on purpose; str() can be shown to users."""


class InvalidInput(OpsError):
    """The request is invalid; nothing was sent to any backend."""


class NotFound(OpsError):
    """No object has that name or ID."""


class NotSetUp(NotFound):
    """The site has no backend of that kind, which is allowed."""


class NotPermitted(OpsError):
    """The actor lacks the permission."""


class Conflict(OpsError):
    """The current state does not allow this."""


class NotConfirmed(OpsError):
    """A change did not reach all of its targets.

    `result` is the action's ordinary result, so that a door can show each target.
    """

    def __init__(self, message: str, result: object) -> None:
        super().__init__(message)
        self.result = result


class Busy(OpsError):
    """Too many requests are waiting; nothing was done. Retrying in a moment may work."""


class DatabaseUnavailable(OpsError):
    """Our own database does not answer or cannot do what was asked."""


class BackendUnavailable(OpsError):
    """A backend cannot be reached, or its answer is unusable.

    `backend` is its display name, such as "Jaeger of production". `answered` means that the
    backend did answer, but not as expected: nobody had to wait, and other calls may work. `why` is
    the message without what changes at each try.
    """

    def __init__(
        self, message: str, *, backend: str, answered: bool = False, why: str = ""
    ) -> None:
        super().__init__(message)
        self.backend = backend
        self.answered = answered
        self.why = why or message


class BackendTimeout(BackendUnavailable):
    """A backend did not answer in time."""


LONGEST_COMPARED = 100  # characters: nobody mistypes longer words, and comparing them is costly
MOST_COMPARED = 32  # words that are compared in full: those with the most similar start and end
_NEAR = 0.7


def nearest(word: str, known: Iterable[str]) -> str:
    """Return the known word most similar to `word`, ignoring case; "" if none is close."""
    if len(word) > LONGEST_COMPARED:
        return ""
    typed = word.lower()
    small = {each.lower(): each for each in sorted(known)}
    alike = heapq.nlargest(MOST_COMPARED, small, key=lambda each: _same_ends(typed, each))
    near = difflib.get_close_matches(typed, sorted(alike), n=1, cutoff=_NEAR)
    return small[near[0]] if near else ""


def _same_ends(one: str, other: str) -> int:
    """Return how many letters two words share at the start and at the end."""
    return len(commonprefix((one, other))) + len(commonprefix((one[::-1], other[::-1])))


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Return `; did you mean "x"?` for the closest known word, or "" if none is close."""
    near = nearest(word, known)
    return f'; did you mean "{near}"?' if near else ""
