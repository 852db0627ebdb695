"""Actions on past changes, and on what was in force before."""

from ops.actor import Actor
from ops.database import in_database
from ops.errors import InvalidInput
from ops.guard import action
from ops.sampling import store, undo
from ops.sampling.facts import SamplingChange
from ops.sites import sites
from ops.vocabulary import timerange
from ops.vocabulary.policies import Policy
from ops.vocabulary.timerange import TimeRange

READ = "sampling.view_sampling"
MOST_CHANGES = 200


@action("sampling.changes", permission=READ)
async def changes(
    actor: Actor,
    *,
    service: str = "",
    site: str = "",
    limit: int = 10,
    before: int = 0,
    range: TimeRange | None = None,
) -> tuple[SamplingChange, ...]:
    """Return the last changes of a site, or of one of its services, newest first.

    With `before`, only those that are older than that revision; with `range`, only those in it.
    """
    if not 1 <= limit <= MOST_CHANGES:
        raise InvalidInput(f"limit is {limit}; it must be between 1 and {MOST_CHANGES}")
    where = sites().site(site)
    name = where.service(service).name if service else ""
    during = tuple(map(timerange.to_datetime, range.start_end())) if range else None
    return await in_database(store.past_changes, where.name, name, limit, before, during)


@action("sampling.policy_at", permission=READ)
async def policy_at(
    actor: Actor, *, at: int = 0, service: str = "", site: str = ""
) -> SamplingChange | None:
    """Return the change in force at a moment (Unix nanoseconds), 0 meaning now.

    None if no change had been sent by then: the policy is unknown.
    """
    where = sites().site(site)
    moment = timerange.to_datetime(at or timerange.now_ns())
    return await in_database(store.in_force_at, where.name, where.service(service).name, moment)


@action("sampling.undo_policy", permission=READ)
async def undo_policy(actor: Actor, *, service: str = "", site: str = "") -> Policy | None:
    """Return the policy that undoing the service's last change restores, None for none."""
    where = sites().site(site)
    name = where.service(service).name
    return undo.undo_policy(await in_database(store.past_changes, where.name, name, undo.LOOK_BACK))
