"""Who may decide on a request, and what deciding does."""

from collections.abc import Awaitable, Callable
from typing import Any

from ops.actor import OPSPORTAL, Actor
from ops.database import in_database
from ops.errors import (
    Conflict,
    InvalidInput,
    NotConfirmed,
    NotFound,
    NotPermitted,
    OpsError,
)
from ops.guard import check, name_of, record_refusal
from ops.requests import store
from ops.requests.closing import close
from ops.requests.models import State
from ops.requests.store import RequestedChange
from ops.sampling import actions as sampling
from ops.sampling.actions import SamplingChange

_NOTHING_DONE = (InvalidInput, NotFound, NotPermitted, Conflict)
_MAKING: dict[str, Callable[..., Awaitable[SamplingChange]]] = {
    sampling.CHANGE: sampling.change_policy,
    sampling.APPROVE: sampling.approve_change,
}


async def may_decide(actor: Actor, key: str) -> RequestedChange:
    """Return a request if the actor may decide on it; raises NotFound and NotPermitted."""
    await check(actor, *map(name_of, _MAKING.values()))
    found = await one(key)
    make, asked = _as_asked(actor, found)
    await check(actor, name_of(make), **asked)
    return found


async def may_apply(actor: Actor, key: str) -> RequestedChange:
    """Do the same, and refuse those who would approve what they asked for themselves."""
    found = await may_decide(actor, key)
    if found.over and found.is_by(actor) and found.state is State.OPEN:
        refusal = NotPermitted(
            "you asked for this change, so somebody else must approve it; you can only withdraw it"
        )
        which = {"site": found.site, "service": found.service, "key": key}
        await record_refusal(actor, name_of(sampling.approve_change), str(refusal), which)
        raise refusal
    return found


async def one(key: str) -> RequestedChange:
    """Return a request; raises NotFound."""
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
        asked |= {"asked_by": request.asker, "above_ceiling": request.over is not None}
    return _MAKING[needed], asked


async def make_it(
    actor: Actor, request: RequestedChange
) -> tuple[State, SamplingChange | OpsError]:
    """Make the change that was asked for; return what came of it."""
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


async def as_it_is(key: str) -> RequestedChange:
    """Return a request that has been decided or has expired."""
    await close(OPSPORTAL)
    return await one(key)
