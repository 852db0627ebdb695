"""The timed changes that are in force, for those who asked for them or made them."""

from ops.actor import OPSPORTAL, Actor
from ops.backends.clients import clients
from ops.database import in_database
from ops.guard import action
from ops.patience import patient
from ops.requests import store
from ops.sampling import actions as sampling
from ops.sampling.actions import SamplingChange
from ops.sites import sites

AGE, PATIENCE = 1.0, 0.3  # seconds
Person = tuple[str, str]  # name and door


@action("requests.ending_soon", permission=sampling.READ)
async def ending_soon(actor: Actor, *, site: str = "") -> tuple[SamplingChange, ...]:
    """Return the timed changes in force that the actor made or asked for here, soonest end first.

    They may be a second old, and are left out if the database is slow: every page asks.
    """
    where = sites().site(site)
    found = await clients().lasting.answer(
        ("timed", where.name), lambda: _read(where.name), patient(PATIENCE), AGE
    )
    person = actor.name, actor.door.value
    return tuple(change for change, people in found.answer or () if person in people)


async def _read(site: str) -> tuple[tuple[SamplingChange, frozenset[Person]], ...]:
    timed = await sampling.timed_now(OPSPORTAL, site=site)
    ids = [each.request_id for each in timed]
    askers = await in_database(store.askers, ids) if ids else {}
    return tuple(
        (each, frozenset({(each.actor, each.door), *askers.get(each.request_id, ())}))
        for each in timed
    )
