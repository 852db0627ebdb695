"""Look at new traces for proof of what is in force; each site's watcher does it.

For each service with something in force and known instances, a few of its new traces are read
every 30 s, later every five minutes; see `roots` for what they prove. Nothing else waits for
that, and a Jaeger that does not answer proves nothing.
"""

import asyncio
from collections.abc import Mapping

from ops.actor import new_request_id
from ops.backends.addresses import addresses
from ops.backends.clients import clients
from ops.database import in_database
from ops.errors import BackendUnavailable
from ops.sampling import actions, instances, store
from ops.sampling.facts import InstanceSampling
from ops.sampling.models import RootsSeen
from ops.sampling.revisions import InForce, in_force
from ops.sampling.roots import Verdict, judge
from ops.sampling.rounds import EACH, rounds
from ops.sites import Service, Site
from ops.vocabulary import timerange
from ops.watch import notices
from ops.watch.lease import SiteLease
from ops.watch.notices import Notice

YOUNG = 15 * timerange.MINUTE  # a change, while people look at it
LATER = 5 * timerange.MINUTE  # between two looks after that
WINDOW = 10 * timerange.MINUTE  # what counts as new
MOST = 20  # traces
AT_ONCE = 2


class Prover:
    """The duty of a watcher, see ops.watch.subjects."""

    def has(self, site: Site) -> bool:
        """Return whether the site has traces, and services whose sampling can be set."""
        pushed = any(each.is_pushed for each in site.services.values())
        return site.jaeger is not None and (pushed or site.remote is not None)

    async def run(self, site: Site, lease: SiteLease) -> None:
        """Look until cancelled; raises LeaseLost."""
        work = SiteProving(site, lease)
        await rounds(work.round, f"traces of {site.name} were not looked at for proof")


PROVER = Prover()


class SiteProving:
    """The work on one site. All times are Unix nanoseconds."""

    def __init__(self, site: Site, lease: SiteLease) -> None:
        self._site = site
        self._lease = lease
        self._looked: dict[str, tuple[InForce, int]] = {}
        self._slots = asyncio.Semaphore(AT_ONCE)

    async def round(self, now: int) -> int:
        """Look at what is due; return when the next round is.

        Raises LeaseLost, DatabaseError, and OpsError if Jaeger fails.
        """
        new_request_id()
        services = self._site.services.values()
        known = await asyncio.gather(*(_addresses(self._site, each) for each in services))
        sampled = await in_database(self._read, dict(known), now)
        due = {name: each for name, each in sampled.items() if self._is_due(name, each[0], now)}
        looks = (self._look(name, *each, now) for name, each in due.items())
        results = await asyncio.gather(*looks, return_exceptions=True)
        found = {
            name: verdicts
            for name, verdicts in zip(due, results, strict=True)
            if not isinstance(verdicts, BaseException)
        }
        wanted = {name: due[name][0] for name in found}
        is_new = bool(found) and await in_database(lambda: self._write(wanted, found, now))
        if is_new:
            await notices.send(Notice(self._site.name, actions.SUBJECT))
        self._looked |= {name: (what, now) for name, what in wanted.items()}
        for failed in results:
            if isinstance(failed, BaseException):
                raise failed
        return timerange.now_ns() + EACH

    def _read(
        self, addresses: Mapping[str, tuple[str, ...]], now: int
    ) -> dict[str, tuple[InForce, tuple[InstanceSampling, ...]]]:
        """Return what is in force, and the known instances, of the services that have both."""
        past = store.settings(site=self._site.name, service__in=list(addresses), held=True)
        known = instances.known(self._site.name, addresses)
        found = {service: in_force(settings, now) for (_, service), settings in past.items()}
        return {name: (each, known[name]) for name, each in found.items() if each and known[name]}

    def _is_due(self, name: str, what: InForce, now: int) -> bool:
        before, at = self._looked.get(name, (None, 0))
        return before != what or now - at >= _pause(what, now)

    async def _look(
        self, name: str, what: InForce, known: tuple[InstanceSampling, ...], now: int
    ) -> dict[str, Verdict]:
        service, start = self._site.services[name].jaeger_name, max(what.since, now - WINDOW)
        if start >= now:
            return {}
        async with self._slots:
            jaeger = clients().jaeger(self._site)
            found = await jaeger.roots(service, start=start, end=now, most=MOST)
        return judge(found, what, known)

    def _write(
        self, wanted: Mapping[str, InForce], found: Mapping[str, Mapping[str, Verdict]], now: int
    ) -> bool:
        """Write what was found; return whether it is new."""
        rows = [
            RootsSeen(
                site=self._site.name,
                service=name,
                revision=what.revision,
                strategy=what.policy.strategy.value,
                rate=what.policy.rate,
                # So long that the next look can be late.
                until=timerange.to_datetime(now + 2 * _pause(what, now) + EACH),
                verdicts={key: [each.proof, each.carried] for key, each in found[name].items()},
            )
            for name, what in wanted.items()
        ]
        with self._lease.writing():
            at = timerange.to_datetime(now)
            old = RootsSeen.objects.filter(site=self._site.name, service__in=list(wanted))
            before = {row.service: row.verdicts for row in old.filter(until__gt=at)}
            RootsSeen.objects.bulk_create(
                rows,
                update_conflicts=True,
                unique_fields=["site", "service"],
                update_fields=["revision", "strategy", "rate", "until", "verdicts"],
            )
        return any(row.verdicts != before.get(row.service, {}) for row in rows)


async def _addresses(site: Site, service: Service) -> tuple[str, tuple[str, ...]]:
    """Look up where we push to; the reconciler says it if that fails."""
    try:
        return service.name, await addresses(site, service) if service.is_pushed else ()
    except BackendUnavailable:
        return service.name, ()


def _pause(what: InForce, now: int) -> int:
    return EACH if now - what.since < YOUNG else LATER
