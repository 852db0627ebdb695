"""The ends of requests that are not applied: refused, withdrawn, or over without an answer.

If a request needed somebody else's approval, its end is in the audit log, as what led to it is.
"""

from contextlib import suppress
from typing import Any

from ops.actor import OPSPORTAL as ITSELF
from ops.actor import Actor, new_request_id
from ops.database import in_database
from ops.errors import Conflict
from ops.guard import OPSPORTAL, action, write
from ops.requests import store
from ops.requests.models import State
from ops.requests.store import RequestedChange
from ops.sampling import actions as sampling
from ops.sampling.rounds import EACH, rounds
from ops.sites import Site
from ops.vocabulary import timerange
from ops.vocabulary.policies import Policy
from ops.watch.lease import SiteLease


def _target(*, site: str, service: str, **_: object) -> str:
    return f"{site}/{service}"


@write("requests.refuse", permission=sampling.APPROVE, target=_target)
def refuse(
    actor: Actor, *, key: str, asked_by: str, policy: Policy, reason: str, service: str, site: str
) -> None:
    """Refuse an open request of somebody else; raises Conflict if it is not open any more."""
    _decide(actor, key, State.REFUSED, reason)


@write("requests.withdraw", permission=sampling.CHANGE, target=_target)
def withdraw(
    actor: Actor, *, key: str, policy: Policy, reason: str, service: str, site: str
) -> None:
    """Withdraw one's own open request; raises Conflict if it is not open any more."""
    _decide(actor, key, State.CANCELLED, reason)


def _decide(actor: Actor, key: str, state: State, reason: str) -> None:
    if not store.decide(key, state, actor, reason):
        raise Conflict(f"request {key} is decided already")


@write("requests.expire", permission=OPSPORTAL, target=_target)
def expire(
    actor: Actor, *, key: str, asked_by: str, policy: Policy, service: str, site: str
) -> None:
    """Close a request that nobody can approve any more; raises Conflict if it is closed."""
    if not store.expire(key):
        raise Conflict(f"request {key} is closed already")


async def end(actor: Actor, request: RequestedChange, reason: str) -> None:
    """Refuse, withdraw or dismiss a request, unless it is decided already."""
    if not request.over:
        await in_database(store.decide, request.key, State.CANCELLED, actor, reason)
        return
    which: dict[str, Any] = {
        "key": request.key,
        "policy": request.policy,
        "reason": reason,
        "service": request.service,
        "site": request.site,
    }
    with suppress(Conflict):
        if request.is_by(actor):
            await in_database(withdraw, actor, **which)
        else:
            await in_database(refuse, actor, asked_by=request.asker, **which)


@action("requests.close", permission=OPSPORTAL)
async def close(actor: Actor) -> None:
    """Close the requests whose time is over, and those whose process is gone."""
    for each in await in_database(store.unanswered):
        with suppress(Conflict):
            await in_database(
                expire,
                actor,
                key=each.key,
                asked_by=each.asker,
                policy=each.policy,
                service=each.service,
                site=each.site,
            )
    await in_database(store.close)


class Closer:
    """The duty of a watcher, see ops.watch.subjects; bots close requests as well."""

    def has(self, site: Site) -> bool:
        """Return whether requests can need somebody else's approval."""
        return any(each.sampling_ceiling is not None for each in site.services.values())

    async def run(self, site: Site, lease: SiteLease) -> None:
        """Close requests until cancelled."""
        await rounds(self._round, "requests were not closed")

    async def _round(self, now: int) -> int:
        new_request_id()
        await close(ITSELF)
        return timerange.now_ns() + EACH


CLOSER = Closer()
