"""Keep what is in force on the instances to which we push; each site's watcher does it.

    every 30 s, and at each end of a timed change:
    what is in force ──> look the instances up ──> send it to those that do not have it, or that
    may have lost it in a restart ──> if it is still in force, write down what has changed

Nothing is remembered that matters: another watcher that takes over, or this one after a kill,
finds the revisions and the instances in the database. It holds a lease on the site, and what it
writes renews that. It may send something that was replaced meanwhile, so it then sends again.
"""

import asyncio
import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from ops.actor import OPSPORTAL, new_request_id
from ops.backends.addresses import addresses
from ops.database import in_database
from ops.errors import BackendUnavailable
from ops.sampling import actions, delivery, instances, store
from ops.sampling.instances import Told
from ops.sampling.models import Instance
from ops.sampling.proof import Proof
from ops.sampling.revisions import InForce, in_force
from ops.sampling.rounds import EACH, SOONEST, rounds
from ops.sites import Service, Site
from ops.vocabulary import timerange
from ops.watch import notices
from ops.watch.lease import SiteLease
from ops.watch.notices import Notice

LONGEST_PAUSE = 5 * timerange.MINUTE  # of an instance that does not answer
AT_ONCE = 50
AUDITED = timerange.MINUTE  # between two rows in the audit log on one instance
MOST_NAMED = 20  # instances in such a row
log = logging.getLogger(__name__)
_Place = tuple[str, str]  # service, address


class Reconciler:
    """The duty of a watcher, see ops.watch.subjects."""

    def has(self, site: Site) -> bool:
        """Return whether the site has services to which we push, or of which its file says what."""
        return any(each.is_pushed or each.sampling for each in site.services.values())

    async def run(self, site: Site, lease: SiteLease) -> None:
        """Reconcile a site until cancelled; raises LeaseLost."""
        work = SiteReconciling(site, lease)
        await rounds(work.round, f"sampling of {site.name} was not looked after")


RECONCILER = Reconciler()


@dataclass(frozen=True, slots=True)
class _Tried:
    """What an instance was sent last from here: failures in a row, and when to send it again."""

    what: InForce
    failures: int
    again: int


class SiteReconciling:
    """The work on one site. All times are Unix nanoseconds."""

    def __init__(self, site: Site, lease: SiteLease) -> None:
        self._site = site
        self._lease = lease
        self._pushed = {each.name: each for each in site.services.values() if each.is_pushed}
        self._tried: dict[_Place, _Tried] = {}
        self._doubted: set[_Place] = set()  # that may have been sent something old after all
        self._audited: dict[_Place, int] = {}
        self._unresolved: set[str] = set()

    async def round(self, now: int) -> int:
        """Do what is due; return when the next round is. Raises LeaseLost and DatabaseError."""
        new_request_id()
        await in_database(self._adopt)
        now = max(now, timerange.now_ns())
        wanted, known = await in_database(self._read, now)
        services = [self._pushed[name] for name in wanted]
        found = await asyncio.gather(*map(self._addresses, services))
        places = [
            (service.name, address)
            for service, addresses in zip(services, found, strict=True)
            for address in addresses
        ]
        self._forget(places)
        due = {place: self._due(place, wanted[place[0]], known.get(place), now) for place in places}
        sent = await self._send([place for place, at in due.items() if at <= now], wanted)
        if await in_database(self._write, sent, known, now):
            await notices.send(Notice(self._site.name, actions.SUBJECT))
        due |= {place: each.again for place, each in self._tried.items()}
        due |= dict.fromkeys(self._doubted, now)
        ends = (each.until for each in wanted.values() if each.until is not None)
        return max(min([now + EACH, *ends, *due.values()]), now + SOONEST)

    def _adopt(self) -> None:
        """Make what the site file says newly revisions."""
        with self._lease.writing():
            for each in store.to_adopt(self._site, self._site.services.values()):
                actions.adopt_file(OPSPORTAL, service=each.name, site=self._site.name)

    def _read(self, now: int) -> tuple[dict[str, InForce], dict[_Place, Instance]]:
        """Return what is in force by service, and the known instances."""
        return self._wanted(now), instances.pushed(self._site.name)

    def _wanted(self, now: int) -> dict[str, InForce]:
        past = store.settings(site=self._site.name, service__in=list(self._pushed), held=True)
        found = {service: in_force(settings, now) for (_, service), settings in past.items()}
        return {service: each for service, each in found.items() if each}

    async def _addresses(self, service: Service) -> tuple[str, ...]:
        try:
            found = await addresses(self._site, service)
        except BackendUnavailable as error:
            if service.name not in self._unresolved:
                log.warning("%s", error)
            self._unresolved.add(service.name)
            return ()
        self._unresolved.discard(service.name)
        return found

    def _forget(self, places: Iterable[_Place]) -> None:
        """Forget the instances that are gone."""
        for memory in (self._tried, self._audited):
            for gone in memory.keys() - places:
                del memory[gone]
        self._doubted.intersection_update(places)

    def _due(self, place: _Place, what: InForce, known: Instance | None, now: int) -> int:
        """Return when to send an instance what is in force."""
        tried = self._tried.get(place)
        if place in self._doubted:
            return now
        if tried and tried.what == what:
            return tried.again
        # Somebody else may have sent it, such as a person's change.
        has = known is not None and known.has(what)
        return timerange.from_datetime(known.heard) + EACH if known and has else now

    async def _send(
        self, due: Iterable[_Place], wanted: Mapping[str, InForce]
    ) -> dict[_Place, Told]:
        slots = asyncio.Semaphore(AT_ONCE)

        async def send(place: _Place) -> tuple[_Place, Told]:
            service, address = place
            what = wanted[service]
            async with slots:
                answer = await delivery.tell(self._pushed[service], address, what.policy)
            return place, Told(what, answer)

        return dict(await asyncio.gather(*map(send, due)))

    def _write(
        self, sent: Mapping[_Place, Told], known: Mapping[_Place, Instance], now: int
    ) -> int:
        """Write what has changed, unless something else is in force by now; return how much."""
        if not sent:
            return 0
        with self._lease.writing():
            wanted = self._wanted(max(now, timerange.now_ns()))
            right = {
                place: told for place, told in sent.items() if wanted.get(place[0]) == told.what
            }
            changed = instances.write(self._site.name, right, known, timerange.to_datetime(now))
            self._audit(right, known, now)
        self._doubted.difference_update(right)
        self._doubted.update(sent.keys() - right.keys())
        for place, told in right.items():
            self._remember(place, told, now)
        return changed

    def _remember(self, place: _Place, told: Told, now: int) -> None:
        before = self._tried.get(place)
        failures = 0
        if told.answer.proof is not Proof.CONFIRMED:
            failures = 1 + (before.failures if before and before.what == told.what else 0)
        pause = min(EACH * 2 ** max(failures - 1, 0), LONGEST_PAUSE)
        self._tried[place] = _Tried(told.what, failures, now + pause)

    def _audit(
        self, told: Mapping[_Place, Told], known: Mapping[_Place, Instance], now: int
    ) -> None:
        """Record for each service which instances have what is in force, and had not before."""
        corrected: dict[str, list[str]] = {}
        for place, each in told.items():
            before, lately = known.get(place), self._audited.get(place, 0) > now - AUDITED
            had = before is not None and before.has(each.what)
            if each.answer.proof is Proof.CONFIRMED and not had and not lately:
                corrected.setdefault(place[0], []).append(place[1])
                self._audited[place] = now
        for service, mine in corrected.items():
            what = told[service, mine[0]].what
            more = len(mine) - MOST_NAMED
            actions.correct(
                OPSPORTAL,
                policy=what.policy,
                revision=what.revision,
                instances=", ".join(mine[:MOST_NAMED]) + (f" and {more} more" if more > 0 else ""),
                service=service,
                site=self._site.name,
            )
