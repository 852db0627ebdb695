"""Who may run an action now, and the record of refusals."""

import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from cachetools import TTLCache
from django.db import DatabaseError

from ops import limits, metrics
from ops.actor import Actor, Door
from ops.audit import chain
from ops.audit.models import Outcome
from ops.database import in_database
from ops.errors import NotPermitted
from ops.metrics import watched
from ops.rights import Rights
from ops.sites import sites

_LONGEST_NAME = 63  # of a site or a service in the site file
log = logging.getLogger(__name__)
refused_lately: TTLCache[tuple[int | None, str, str], bool] = watched(
    "refusals", TTLCache(maxsize=10_000, ttl=60)
)


@dataclass(frozen=True, slots=True)
class Standing:
    """A property of the actor that an action requires instead of a permission."""

    words: str
    holds: Callable[[Actor, Rights], bool]

    def __str__(self) -> str:
        return self.words


ANY_PERSON = Standing("an active account", lambda _, rights: rights.active)
SLACK_ACCOUNT = Standing(
    "an account of the Slack workspace",
    lambda actor, _: actor.door is Door.SLACK and "slack_user" in actor.origin,
)
SHELL = Standing("a shell on the server", lambda actor, _: actor.door is Door.SHELL)
OPSPORTAL = Standing("OpsPortal itself", lambda actor, _: actor.door is Door.TIMER)
Permission = str | Standing  # a string is Django's `app.codename`


def holds(actor: Actor, rights: Rights, needed: Permission) -> bool:
    """Return whether an actor with these rights has a permission or standing."""
    if isinstance(needed, Standing):
        return needed.holds(actor, rights)
    return rights.active and needed in rights.permissions


def refusal(actor: Actor, needed: Permission) -> NotPermitted:
    """Return the error for an actor who lacks a permission."""
    what = f"the permission {needed}" if isinstance(needed, str) else needed
    return NotPermitted(
        f"{actor.name or 'an unknown user'} is not allowed to do this: it requires {what}"
    )


def place_of(arguments: Mapping[str, object]) -> str:
    """Return where an action would happen: `site/service`, `site`, or "" for nowhere.

    This is known before the permission, so names are looked up and never compared with others;
    a name that the site file lacks is returned as given, cut to the length of a name.
    """
    query = arguments.get("query") or arguments.get("filter")
    given = {
        key: str(arguments[key] if key in arguments else getattr(query, key))[:_LONGEST_NAME]
        for key in ("site", "service")
        if key in arguments or hasattr(query, key)
    }
    if "site" not in given:
        return ""
    known = sites()
    site = given["site"] or known.default
    where = known.all.get(site)
    service = given.get("service", "")
    if where and "service" in given:
        service = service or where.default_service
    return f"{site}/{service}" if service else site


async def record_refusal(
    actor: Actor, name: str, reason: str, parameters: Mapping[str, object] | None = None
) -> None:
    """Write a "denied" row, at most once a minute per actor and action (or bot command).

    This raises nothing: if the row cannot be written, the action is still refused.
    """
    if _is_new(actor, name):
        with _lost(actor, name):
            await in_database(_write, actor, name, reason, parameters or {})


def record_refusal_here(
    actor: Actor, name: str, reason: str, parameters: Mapping[str, object]
) -> None:
    """Do the same on a database thread."""
    if _is_new(actor, name):
        with _lost(actor, name):
            _write(actor, name, reason, parameters)


def _is_new(actor: Actor, name: str) -> bool:
    who = (actor.user_id, actor.name, name)
    is_new = who not in refused_lately
    refused_lately[who] = True
    return is_new


def _write(actor: Actor, name: str, reason: str, parameters: Mapping[str, object]) -> None:
    place, kept = place_of(parameters), limits.recorded(parameters)
    chain.append(actor, name, place, Outcome.DENIED, parameters=kept, detail=reason)


@contextmanager
def _lost(actor: Actor, name: str) -> Iterator[None]:
    """Log it if a refusal could not be recorded."""
    try:
        yield
    except DatabaseError:
        metrics.audit_failures.inc()
        log.exception("could not record that %s was refused to %s", name, actor.name)
