"""Announce what an action has changed, once its outcome is committed.

The guard knows nobody who listens: `ops.watch` says how to announce when it is loaded, and sends a
notice to every process, whose open pages then follow.
"""

from collections.abc import Callable, Mapping

from ops.guard.permission import place_of

Announce = Callable[[str, str], None]  # a site, "" for any, and what of it has changed
_announce: list[Announce] = []


def announce_with(announce: Announce) -> None:
    """Say how to announce; it must return at once and raise nothing."""
    _announce[:] = [announce]


def announce(subject: str, arguments: Mapping[str, object]) -> None:
    """Announce that an action with these arguments has changed something; "" announces nothing."""
    if subject:
        site, _, _ = place_of(arguments).partition("/")
        for each in _announce:
            each(site, subject)
