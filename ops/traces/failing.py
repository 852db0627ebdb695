"""Failing traces grouped by what failed: the deepest error, its operation and version. Pure."""

from collections.abc import Mapping
from dataclasses import replace
from typing import NamedTuple

from ops.traces.searches import Searches
from ops.traces.tally import Error, Tally
from ops.traces.windows import FailureGroup

MOST_GROUPS = 20


class Kind(NamedTuple):
    """What failed, whatever the version; `message` is without what varies."""

    service: str
    operation: str
    message: str


def groups(
    now: Tally, before: Tally, said: Mapping[object, bool], searches: Searches
) -> tuple[tuple[FailureGroup, ...], int]:
    """Return the groups, most traces first, and how many failing traces are in none of them.

    `said` are the kinds of errors that a statement is about, and whether it says they are new.
    """
    earlier = alike(before)
    ordered = sorted(now.errors.items(), key=lambda item: (-item[1].traces, item[0]))
    found = []
    for (service, operation, version, message), error in ordered[:MOST_GROUPS]:
        kind = Kind(service, operation, message)
        group = FailureGroup(
            service=searches.name_of(service),
            operation=operation,
            version=version,
            message=error.message,
            traces=error.traces,
            before=earlier[kind].traces if kind in earlier else 0,
            is_new=said.get(kind, False),
            example=error.example,
            duration=error.duration,
            query=searches.of_error(error),
            is_said=kind in said,
        )
        found.append(group)
    return tuple(found), now.uncounted + sum(each.traces for _, each in ordered[MOST_GROUPS:])


def alike(tally: Tally) -> Mapping[Kind, Error]:
    """Return the errors of a window whatever the version."""
    found: dict[Kind, Error] = {}
    for (service, operation, _, message), error in tally.errors.items():
        kind = Kind(service, operation, message)
        known = found.get(kind)
        found[kind] = (
            replace(
                known,
                traces=known.traces + error.traces,
                varies=known.varies or error.varies or known.first.message != error.first.message,
            )
            if known
            else error
        )
    return found
