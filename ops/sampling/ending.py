"""The end of a timed change: when to warn of it, and what has become of the change.

Nothing is remembered here, and nothing waits: doors ask with the clock, and remember what they
have said.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from ops.actor import Actor
from ops.backends.addresses import addresses
from ops.database import in_database
from ops.errors import OpsError
from ops.guard import OPSPORTAL, action
from ops.sampling import store
from ops.sampling.facts import SamplingChange, ServiceSampling
from ops.sites import sites
from ops.vocabulary import timerange
from ops.vocabulary.endings import last_fifth

EARLIEST = 5 * timerange.MINUTE
MORE = 15 * timerange.MINUTE  # that a change lasts longer if somebody says so
# By then the instances that we push to have been sent what follows twice, and the others asked.
SETTLED = timedelta(seconds=90)


def warn_at(since: int, until: int) -> int:
    """Return when to warn of the end of a timed change (all in Unix nanoseconds)."""
    return last_fifth(since, until, EARLIEST)


@dataclass(frozen=True, slots=True)
class Ending:
    """A timed change, and what has become of it.

    `successor` is the change that ended it before its time. `now` is the service's sampling, None
    if its instances are unknown.
    """

    change: SamplingChange
    successor: SamplingChange | None = None
    now: ServiceSampling | None = None

    @property
    def is_settled(self) -> bool:
        """Whether all instances have what followed."""
        return self.now is not None and not self.now.late

    def is_over(self, now: datetime) -> bool:
        """Whether it is not in force any more."""
        return self.successor is not None or (self.change.until or now) <= now


@action("sampling.endings", permission=OPSPORTAL)
async def endings(actor: Actor, *, revisions: Collection[int]) -> Mapping[int, Ending]:
    """Return what has become of these timed changes, those that exist."""
    found = await in_database(store.with_successors, revisions)
    return {
        change.revision: Ending(change, successor, await _now(change))
        for change, successor in found
    }


async def _now(change: SamplingChange) -> ServiceSampling | None:
    try:
        site = sites().site(change.site)
        service = site.service(change.service)
        to = await addresses(site, service)
    except OpsError:
        return None
    found = await in_database(store.current, change.site, {service.name: to})
    return found[service.name]


@action("sampling.superseded", permission=OPSPORTAL)
async def superseded(actor: Actor, *, revisions: Collection[int]) -> frozenset[int]:
    """Return which of these timed changes another change ended before its time."""
    return await in_database(store.superseded, revisions)


@action("sampling.timed_now", permission=OPSPORTAL)
async def timed_now(actor: Actor, *, site: str = "") -> tuple[SamplingChange, ...]:
    """Return the timed changes of a site that are in force, the one that ends first first."""
    return await in_database(store.timed_now, sites().site(site).name)
