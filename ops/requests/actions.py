"""Actions on requests for a change: ask for one, apply it, cancel it.

The person who asked may apply a request, and so may an approver. Each is applied once, however
often and at whichever doors; the audit log records who asked and who applied.
"""

import logging
from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import replace
from typing import Any

from django.db import Error
from django.utils import timezone

from ops.actor import Actor
from ops.database import in_database
from ops.errors import (
    Conflict,
    InvalidInput,
    NotConfirmed,
    NotFound,
    NotPermitted,
    OpsError,
)
from ops.guard import ANY_PERSON, DEADLINE, OPSPORTAL, action, check, name_of
from ops.requests import store
from ops.requests.models import State
from ops.requests.store import LIFE, RequestedChange
from ops.sampling import actions as sampling
from ops.sampling import terms
from ops.sampling.actions import SamplingChange
from ops.sampling.terms import PERMANENT, Term
from ops.sites import sites
from ops.vocabulary import timerange
from ops.vocabulary.policies import Policy

__all__ = [
    "LIFE",
    "RequestedChange",
    "State",
    "apply",
    "ask",
    "ask_revert",
    "ask_undo",
    "cancel",
    "close",
    "find",
    "list_open",
    "several",
]

SUBJECT = "requests"  # of notices
_NOTHING_DONE = (InvalidInput, NotFound, NotPermitted, Conflict)
log = logging.getLogger(__name__)


@action("requests.ask", permission=sampling.CHANGE, deadline=2 * DEADLINE, changes=SUBJECT)
async def ask(  # noqa: PLR0913  all but the actor are named where it is called
    actor: Actor,
    *,
    policy: Policy,
    service: str = "",
    site: str = "",
    term: Term = PERMANENT,
    reason: str = "",
    then: Policy | None = None,
    at_once: bool = False,
) -> RequestedChange | SamplingChange:
    """Ask for a change of sampling. It stays open for LIFE, until somebody applies or cancels it.

    Its term counts from when it is applied. With `at_once` the change is made instead, if the site
    allows that. Raises Conflict if the service has no instances, and what `sampling.change_policy`
    raises.
    """
    wish: dict[str, Any] = {"policy": policy, "term": term, "reason": reason, "then": then}
    if at_once and sites().site(site).change_now:
        return await sampling.change_policy(actor, service=service, site=site, **wish)
    return await _ask(actor, service, site, **wish)


@action("requests.ask_undo", permission=sampling.CHANGE, changes=SUBJECT)
async def ask_undo(actor: Actor, *, service: str = "", site: str = "") -> RequestedChange:
    """Ask for the last policy that was in force; raises Conflict if none is known."""
    before = await sampling.undo_policy(actor, service=service, site=site)
    if before is None:
        raise Conflict(
            "there is nothing to undo, because no earlier policy of "
            f"{sites().site(site).service(service).name} is known"
        )
    return await _ask(actor, service, site, policy=before)


@action("requests.ask_revert", permission=sampling.CHANGE, deadline=2 * DEADLINE, changes=SUBJECT)
async def ask_revert(
    actor: Actor,
    *,
    service: str = "",
    site: str = "",
    revision: int = 0,
    reason: str = "",
    at_once: bool = False,
) -> RequestedChange | SamplingChange:
    """Ask to end a timed change now, or to set again what a revision set, for as long.

    With `at_once` it is done instead, if the site allows that. Raises Conflict if no timed change
    is in force, NotFound if the service has no such revision.
    """
    where = {"service": service, "site": site}
    if at_once and sites().site(site).change_now:
        return await sampling.revert(actor, **where, revision=revision, reason=reason)
    back = await sampling.way_back(actor, **where, revision=revision)
    return await _ask(
        actor, **where, policy=back.policy, term=back.term, reason=reason, then=back.then
    )


# The permission to apply depends on who asked, so these actions check it themselves.
@action("requests.apply", permission=ANY_PERSON, deadline=2 * DEADLINE, changes=SUBJECT)
async def apply(actor: Actor, *, key: str) -> RequestedChange:
    """Make the change that was asked for, once; returns the request with what came of it.

    If it is decided already, nothing is done. Raises NotFound and NotPermitted.
    """
    request = await _may_decide(actor, key)
    if not await in_database(store.decide, key, State.APPLYING, actor):
        return await _as_it_is(key)
    state, result = await _made(actor, request)
    try:
        return await in_database(store.finish, key, state, result)
    except Error:
        log.exception("the result of request %s could not be recorded", key)
        now = timezone.now()
        return replace(request, state=state, result=result, decided_by=actor.name, decided_at=now)


@action("requests.cancel", permission=ANY_PERSON, changes=SUBJECT)
async def cancel(actor: Actor, *, key: str) -> RequestedChange:
    """Dismiss a request, and return it as it then is; raises NotFound and NotPermitted."""
    await _may_decide(actor, key)
    await in_database(store.decide, key, State.CANCELLED, actor)
    return await _as_it_is(key)


@action("requests.find", permission=sampling.READ)
async def find(actor: Actor, *, key: str) -> RequestedChange:
    """Return a request; raises NotFound."""
    return await _found(key)


@action("requests.list_open", permission=sampling.READ)
async def list_open(
    actor: Actor, *, service: str = "", site: str = ""
) -> tuple[RequestedChange, ...]:
    """Return the open requests of a service, newest first."""
    where = sites().site(site)
    return await in_database(store.open_of, where.name, where.service(service).name)


@action("requests.several", permission=OPSPORTAL)
async def several(actor: Actor, *, keys: Collection[str]) -> Mapping[str, RequestedChange]:
    """Return the requests with these keys, those that exist, for messages that show them."""
    return await in_database(store.several, keys)


@action("requests.close", permission=OPSPORTAL)
async def close(actor: Actor) -> None:
    """Close the requests whose time is over, and those whose process is gone."""
    await in_database(store.close)


async def _ask(
    actor: Actor,
    service: str,
    site: str,
    policy: Policy,
    term: Term = PERMANENT,
    reason: str = "",
    then: Policy | None = None,
) -> RequestedChange:
    terms.check(term, timerange.now_ns(), reason)
    before = await sampling.current(actor, service=service, site=site)
    if not (before.instances or sites().site(site).remote):
        raise Conflict(
            f'there is nothing to change: service "{before.service}" of site "{before.site}" '
            "has no instances; name them in the site file as instances or dns"
        )
    terms.check_then(before.service, term, before.baseline, then)
    return await in_database(store.make, actor, before, policy, term, reason, then)


_MAKING: dict[str, Callable[..., Awaitable[SamplingChange]]] = {
    sampling.CHANGE: sampling.change_policy,
    sampling.APPROVE: sampling.approve_change,
}


async def _may_decide(actor: Actor, key: str) -> RequestedChange:
    await check(actor, *map(name_of, _MAKING.values()))
    found = await _found(key)
    make, asked = _as_asked(actor, found)
    await check(actor, name_of(make), **asked)
    return found


async def _found(key: str) -> RequestedChange:
    found = await in_database(store.find, key)
    if found is None:
        raise NotFound(
            f'there is no request "{key[:20]}"; it may be over 30 days old or from before an update'
        )
    return found


def _as_asked(
    actor: Actor, request: RequestedChange
) -> tuple[Callable[..., Awaitable[SamplingChange]], dict[str, Any]]:
    """Return the action that makes the change for this actor, and its arguments."""
    needed = request.needs(actor)
    asked = {
        "policy": request.policy,
        "service": request.service,
        "site": request.site,
        "term": request.term,
        "reason": request.reason,
        "then": request.then,
    }
    if needed == sampling.APPROVE:
        asked = {"asked_by": request.asker, **asked}
    return _MAKING[needed], asked


async def _made(actor: Actor, request: RequestedChange) -> tuple[State, SamplingChange | OpsError]:
    make, asked = _as_asked(actor, request)
    try:
        return State.APPLIED, await make(actor, **asked)
    except NotConfirmed as error:
        made = error.result
        return State.APPLIED, made if isinstance(made, SamplingChange) else error
    except _NOTHING_DONE as error:
        return State.FAILED, error
    except OpsError as error:
        return State.UNKNOWN, error


async def _as_it_is(key: str) -> RequestedChange:
    """Return a request that has been decided or has expired."""
    await in_database(store.close)
    return await _found(key)
