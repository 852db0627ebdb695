"""Actions on requests for a change: ask for one, apply it, cancel it.

The person who asked may apply a request, and so may an approver. If the change is above the
service's ceiling, it needs somebody else: an approver who did not ask for it applies (approves)
or refuses it, and the person who asked may only withdraw it. Each is applied once, however often
and at whichever doors. The audit log records who asked, approved, applied, refused and withdrew,
and what expired.
"""

import logging
from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Any, Unpack

from django.db import Error
from django.utils import timezone

from ops.actor import Actor, Door
from ops.database import in_database
from ops.errors import Conflict
from ops.guard import ANY_PERSON, DEADLINE, OPSPORTAL, action, write
from ops.requests import store
from ops.requests.closing import close, end, expire, refuse, withdraw
from ops.requests.deciding import as_it_is, make_it, may_apply, may_decide, one
from ops.requests.ending import ending_soon
from ops.requests.models import State
from ops.requests.store import LIFE, RequestedChange
from ops.sampling import actions as sampling
from ops.sampling import terms
from ops.sampling.actions import SamplingChange, ServiceSampling
from ops.sampling.ceiling import Over
from ops.sampling.ending import MORE
from ops.sampling.measuring import over_now
from ops.sampling.terms import PERMANENT, Term, Wish
from ops.sites import sites
from ops.vocabulary import timerange
from ops.vocabulary.policies import Policy

__all__ = [
    "LIFE",
    "RequestedChange",
    "State",
    "apply",
    "ask",
    "ask_approval",
    "ask_longer",
    "cancel",
    "change_or_ask",
    "check",
    "close",
    "ending_soon",
    "expire",
    "find",
    "list_for_approval",
    "list_open",
    "policy_before",
    "refuse",
    "revert_or_ask",
    "several",
    "undo_or_ask",
    "withdraw",
]

SUBJECT = "requests"  # of notices
MOST_LISTED = 100
_CHATS = (Door.SLACK, Door.CONSOLE)
log = logging.getLogger(__name__)


@action("requests.ask", permission=sampling.CHANGE, deadline=2 * DEADLINE, changes=SUBJECT)
async def ask(
    actor: Actor, *, service: str = "", site: str = "", **wish: Unpack[Wish]
) -> RequestedChange:
    """Ask for a change of sampling, which stays open until somebody applies or cancels it.

    Its term counts from when it is applied. Raises Conflict if the service has no instances, and
    InvalidInput for what `sampling.change_policy` would refuse.
    """
    before = await _checked(actor, service, site, wish)
    over = await _over(before, wish)
    asked: dict[str, Any] = {
        "site": before.site,
        "service": before.service,
        "previous": before.policies,
        "instances": len(before.instances),
        **wish,
        "term": wish.get("term", PERMANENT),
    }
    if over:
        return await in_database(ask_approval, actor, over=over, **asked)
    return await in_database(store.make, actor, **asked)


@action("requests.check", permission=sampling.CHANGE, deadline=2 * DEADLINE)
async def check(actor: Actor, *, service: str = "", site: str = "", **wish: Unpack[Wish]) -> None:
    """Raise what `ask` would raise; nothing is asked for."""
    await _checked(actor, service, site, wish)


@action(
    "requests.change_or_ask", permission=sampling.CHANGE, deadline=2 * DEADLINE, changes=SUBJECT
)
async def change_or_ask(
    actor: Actor, *, service: str = "", site: str = "", **wish: Unpack[Wish]
) -> RequestedChange | SamplingChange:
    """Make a change at once, or ask for it if somebody else must approve it.

    In a chat, a change is only made at once if the site allows that.
    """
    if await _may_be_made(actor, service, site, wish):
        return await sampling.change_policy(actor, service=service, site=site, **wish)
    return await ask(actor, service=service, site=site, **wish)


@action("requests.undo_or_ask", permission=sampling.CHANGE, deadline=2 * DEADLINE, changes=SUBJECT)
async def undo_or_ask(
    actor: Actor, *, service: str = "", site: str = ""
) -> RequestedChange | SamplingChange:
    """Restore the last policy that was in force, as change_or_ask does; raises Conflict if none."""
    before = await policy_before(actor, service=service, site=site)
    return await change_or_ask(actor, policy=before, service=service, site=site)


@action("requests.policy_before", permission=sampling.CHANGE)
async def policy_before(actor: Actor, *, service: str = "", site: str = "") -> Policy:
    """Return the policy that `undo_or_ask` restores; raises Conflict if none is known."""
    before = await sampling.undo_policy(actor, service=service, site=site)
    if before is None:
        raise Conflict(
            "there is nothing to undo, because no earlier policy of "
            f"{sites().site(site).service(service).name} is known"
        )
    return before


@action(
    "requests.revert_or_ask", permission=sampling.CHANGE, deadline=2 * DEADLINE, changes=SUBJECT
)
async def revert_or_ask(
    actor: Actor, *, service: str = "", site: str = "", revision: int = 0, reason: str = ""
) -> RequestedChange | SamplingChange:
    """End a timed change now, or set again what a revision set, as change_or_ask does.

    Raises Conflict if no timed change is in force, NotFound if the service has no such revision.
    """
    where = {"service": service, "site": site}
    back = await sampling.way_back(actor, **where, revision=revision)
    if await _may_be_made(actor, service, site, back):
        return await sampling.revert(actor, **where, revision=revision, reason=reason)
    back["reason"] = reason
    return await ask(actor, **where, **back)


@action("requests.ask_longer", permission=sampling.CHANGE, deadline=2 * DEADLINE, changes=SUBJECT)
async def ask_longer(
    actor: Actor, *, revision: int = 0, service: str = "", site: str = ""
) -> RequestedChange | SamplingChange:
    """Make the timed change in force last MORE, or ask for that if somebody else must approve it.

    Raises Conflict if none is in force, or not this revision (0 for any).
    """
    now = await sampling.current(actor, service=service, site=site)
    found, change = now.in_force, now.change
    if found is None or found.until is None or change is None:
        raise Conflict(f"no change with an end is in force for {now.service}")
    if revision not in (0, found.revision):
        raise Conflict(
            f"revision {revision} of {now.service} is not in force any more: revision "
            f"{found.revision} is"
        )
    wish: Wish = {
        "policy": found.policy,
        "term": Term(end=found.until + MORE),
        "reason": change.reason,
        "then": found.then,
    }
    make = ask if await _over(now, wish) else sampling.change_policy
    return await make(actor, service=now.service, site=now.site, **wish)


# The permission to apply depends on who asked, so these actions check it themselves.
@action("requests.apply", permission=ANY_PERSON, deadline=2 * DEADLINE, changes=SUBJECT)
async def apply(actor: Actor, *, key: str) -> RequestedChange:
    """Make the change that was asked for, once; returns the request with what came of it.

    If it needs somebody else's approval, this approves it. If it is decided already, nothing is
    done. Raises NotFound and NotPermitted.
    """
    request = await may_apply(actor, key)
    if not await in_database(store.decide, key, State.APPLYING, actor):
        return await as_it_is(key)
    state, result = await make_it(actor, request)
    try:
        return await in_database(store.finish, key, state, result)
    except Error:
        log.exception("the result of request %s could not be recorded", key)
        now = timezone.now()
        return replace(request, state=state, result=result, decided_by=actor.name, decided_at=now)


@action("requests.cancel", permission=ANY_PERSON, changes=SUBJECT)
async def cancel(actor: Actor, *, key: str, reason: str = "") -> RequestedChange:
    """Dismiss a request, and return it as it then is; raises NotFound and NotPermitted.

    If it needs the approval of the actor, this refuses it.
    """
    request = await may_decide(actor, key)
    terms.check_reason(reason)
    await end(actor, request, reason)
    return await as_it_is(key)


def _target(*, site: str, service: str, **_: object) -> str:
    return f"{site}/{service}"


@write("requests.ask_approval", permission=sampling.CHANGE, target=_target)
def ask_approval(actor: Actor, /, *, over: Over, **wish: Any) -> RequestedChange:
    """Store a request that needs somebody else's approval; the rest is as for `store.make`."""
    return store.make(actor, over=over, **wish)


@action("requests.find", permission=sampling.READ)
async def find(actor: Actor, *, key: str) -> RequestedChange:
    """Return a request; raises NotFound."""
    return await one(key)


@action("requests.list_open", permission=sampling.READ)
async def list_open(
    actor: Actor, *, service: str = "", site: str = ""
) -> tuple[RequestedChange, ...]:
    """Return the open requests of a site, or of one of its services, newest first."""
    where = sites().site(site)
    name = where.service(service).name if service else ""
    return await in_database(store.open_of, where.name, name)


@action("requests.list_for_approval", permission=sampling.READ)
async def list_for_approval(
    actor: Actor, *, start: int, end: int, service: str = "", site: str = ""
) -> tuple[RequestedChange, ...]:
    """Return a service's requests of a time (Unix nanoseconds) that needed somebody's approval.

    The newest first, at most MOST_LISTED; those of before 30 days are forgotten.
    """
    where = sites().site(site)
    name = where.service(service).name
    first, last = timerange.to_datetime(start), timerange.to_datetime(end)
    return await in_database(store.for_approval, where.name, name, first, last, MOST_LISTED)


@action("requests.several", permission=OPSPORTAL)
async def several(actor: Actor, *, keys: Collection[str]) -> Mapping[str, RequestedChange]:
    """Return the requests with these keys, those that exist, for messages that show them."""
    return await in_database(store.several, keys)


async def _checked(actor: Actor, service: str, site: str, wish: Wish) -> ServiceSampling:
    """Return how a service is sampled now, if a change of it may be asked for."""
    policy, term, then = wish["policy"], wish.get("term", PERMANENT), wish.get("then")
    terms.check(term, timerange.now_ns(), wish.get("reason", ""))
    terms.check_carried(sites().site(site).service(service), policy, then)
    before = await sampling.current(actor, service=service, site=site)
    if not (before.instances or sites().site(site).remote):
        raise Conflict(
            f'there is nothing to change: service "{before.service}" of site "{before.site}" '
            "has no instances; name them in the site file with instances, dns or targets_port"
        )
    before.check_taken(policy, then)
    terms.check_then(before.service, term, before.baseline, then)
    return before


async def _may_be_made(actor: Actor, service: str, site: str, wish: Wish) -> bool:
    """Return whether a change can be made without a request."""
    if actor.door in _CHATS and not sites().site(site).change_now:
        return False
    return not await sampling.over_ceiling(
        actor, policy=wish["policy"], then=wish.get("then"), service=service, site=site
    )


async def _over(now: ServiceSampling, wish: Wish) -> Over | None:
    """Return why a change needs somebody else's approval, None if it needs none."""
    where = sites().site(now.site)
    service = where.service(now.service)
    return await over_now(where, service, now, wish["policy"], wish.get("then"))
