"""Actions that read and change sampling policies."""

import asyncio
from collections.abc import Iterable, Mapping
from typing import Unpack

from ops.actor import OPSPORTAL as ITSELF
from ops.actor import Actor
from ops.backends.addresses import addresses
from ops.backends.clients import clients
from ops.caching import Known
from ops.database import in_database
from ops.errors import Conflict, NotConfirmed, OpsError
from ops.guard import DEADLINE, OPSPORTAL, action, write
from ops.sampling import delivery, rollback, store, terms
from ops.sampling.asking import askers
from ops.sampling.ceiling import Over
from ops.sampling.effect import described
from ops.sampling.ending import Ending, endings, superseded, timed_now
from ops.sampling.facts import InstanceSampling, SamplingChange, ServiceSampling
from ops.sampling.keeping import kept
from ops.sampling.measuring import lately_measured, over_now
from ops.sampling.past import MOST_CHANGES, changes, policy_at, undo_policy
from ops.sampling.revisions import Setting
from ops.sampling.terms import PERMANENT, Wish
from ops.sampling.volume import forecast_of
from ops.sites import Service, Site, sites
from ops.vocabulary import timerange
from ops.vocabulary.policies import Policy

__all__ = [
    "MOST_CHANGES",
    "Ending",
    "InstanceSampling",
    "SamplingChange",
    "ServiceSampling",
    "adopt_file",
    "approve_change",
    "askers",
    "change_policy",
    "changes",
    "correct",
    "current",
    "current_of_several",
    "endings",
    "forecast",
    "kept",
    "over_ceiling",
    "policy_at",
    "revert",
    "superseded",
    "timed_now",
    "undo_policy",
    "way_back",
]

READ = "sampling.view_sampling"
SUBJECT = "sampling"  # of notices
CHANGE = "sampling.change_policy"
APPROVE = "sampling.approve_change"


def _target(*, site: str = "", service: str = "", **_: object) -> str:
    found = sites().site(site)
    return f"{found.name}/{found.service(service).name}"


@action("sampling.current", permission=READ)
async def current(
    actor: Actor, *, service: str = "", site: str = "", patience: float = DEADLINE
) -> ServiceSampling:
    """Return the last policy sent to each instance of the service, when, and with what result.

    If the instances have not been found after `patience` seconds they are `coming`, and the
    look-up goes on; an answer up to a minute old is good enough. Raises BackendUnavailable if
    it fails.
    """
    where = sites().site(site)
    what = where.service(service)
    found = await _addresses(where, what, patience)
    if found.error:
        raise found.error
    if found.answer is None:
        return ServiceSampling(where.name, what.name, (), coming=True)
    now = await in_database(store.current, where.name, {what.name: found.answer})
    return now[what.name]


@action("sampling.current_of_several", permission=READ)
async def current_of_several(
    actor: Actor, *, services: Iterable[str] = (), site: str = "", patience: float = DEADLINE
) -> Mapping[str, ServiceSampling | OpsError]:
    """Return what `current` returns or raises, for each of these services that is sampled.

    Those have instances, or something in force that instances get when they ask. Without
    services, it is for all of the site.
    """
    where = sites().site(site)
    meant = [where.service(name) for name in services] or [*where.services.values()]
    sampled = [each for each in meant if each.is_pushed]
    found = await asyncio.gather(*(_addresses(where, each, patience) for each in sampled))
    by_name = {each.name: to for each, to in zip(sampled, found, strict=True)}
    errors = {name: to.error for name, to in by_name.items() if to.error}
    known = {name: to.answer for name, to in by_name.items() if to.answer is not None}
    coming = by_name.keys() - errors.keys() - known.keys()
    asking = {each.name: () for each in meant if where.remote and not each.is_pushed}
    now = await in_database(store.current, where.name, {**known, **asking})
    return {
        **errors,
        **{name: ServiceSampling(where.name, name, (), coming=True) for name in coming},
        **{
            name: each
            for name, each in now.items()
            if name in known or each.instances or each.in_force
        },
    }


async def _addresses(site: Site, service: Service, patience: float) -> Known[tuple[str, ...]]:
    """Look the instances up; that goes on when a page waits no longer."""
    if service.instances or not service.is_pushed:
        return Known(await addresses(site, service))
    return await clients().lasting.answer(
        ("instances", site.name, service), lambda: addresses(site, service), patience
    )


@action("sampling.way_back", permission=READ)
async def way_back(actor: Actor, *, service: str = "", site: str = "", revision: int = 0) -> Wish:
    """Return what `revert` would set; raises what it raises before it sets anything."""
    where = sites().site(site)
    name = where.service(service).name
    return await in_database(rollback.way_back, where.name, name, revision)


@action("sampling.forecast", permission=READ)
async def forecast(
    actor: Actor, *, policy: Policy, service: str = "", site: str = "", patience: float = DEADLINE
) -> tuple[str, ...]:
    """Return sentences on what setting a policy changes.

    They name the share, then the traces, spans and bytes with their margin, and the services that
    start the traces: that comes first if the service itself starts none. What was measured may be
    a minute old; after `patience` seconds without it they say that it is still coming.
    """
    where = sites().site(site)
    what = where.service(service)
    now, found = await asyncio.gather(
        current(actor, service=what.name, site=where.name, patience=patience),
        lately_measured(where, what, patience),
    )
    if found.error:
        raise found.error
    effect = now.effect_of(policy)
    if found.answer is None:
        return effect, "The volume is still being measured."
    requests, seen, problems = found.answer
    before, instances = now.policies.policy, len(now.instances)
    volume = forecast_of(what.name, requests, seen, before, policy, problems, instances)
    return described(effect, volume, bool(policy.operations))


@action("sampling.over_ceiling", permission=READ)
async def over_ceiling(
    actor: Actor, *, policy: Policy, service: str = "", site: str = "", then: Policy | None = None
) -> Over | None:
    """Return why a change needs somebody else's approval, None if it needs none."""
    where = sites().site(site)
    what = where.service(service)
    if what.sampling_ceiling is None:
        return None
    now = await current(actor, service=what.name, site=where.name)
    return await over_now(where, what, now, policy, then)


@action("sampling.change_policy", permission=CHANGE, audit=True, target=_target, changes=SUBJECT)
async def change_policy(
    actor: Actor, *, service: str = "", site: str = "", **wish: Unpack[Wish]
) -> SamplingChange:
    """Set a service's policy, and send it to every instance concurrently.

    After its term the service returns to its permanent policy, or to `then` if it has none. Raises
    NotConfirmed, with the SamplingChange as its result, if not all instances confirmed: what was
    set stays in force, and is sent again. Raises Conflict if the service has no instances, or if
    the change needs somebody else's approval (`over_ceiling`).
    """
    return await _change(actor, service, site, wish)


@action("sampling.approve_change", permission=APPROVE, audit=True, target=_target, changes=SUBJECT)
async def approve_change(
    actor: Actor,
    *,
    asked_by: str,
    above_ceiling: bool,
    service: str = "",
    site: str = "",
    **wish: Unpack[Wish],
) -> SamplingChange:
    """Make a change that another user asked for, as change_policy does.

    It may be above the service's ceiling only if `above_ceiling` says that this is approved.
    """
    return await _change(actor, service, site, wish, above_ceiling=above_ceiling)


@action("sampling.revert", permission=CHANGE, audit=True, target=_target, changes=SUBJECT)
async def revert(
    actor: Actor, *, service: str = "", site: str = "", revision: int = 0, reason: str = ""
) -> SamplingChange:
    """End a timed change now: set what would follow it, as change_policy does.

    With `revision`, set again what that one set, for as long. Raises Conflict if no timed change is
    in force, NotFound if the service has no such revision.
    """
    back = await way_back(actor, service=service, site=site, revision=revision)
    return await _change(actor, service, site, {**back, "reason": reason})


async def _change(
    actor: Actor, service: str, site: str, wish: Wish, *, above_ceiling: bool = False
) -> SamplingChange:
    where = sites().site(site)
    what = where.service(service)
    policy, term = wish["policy"], wish.get("term", PERMANENT)
    reason, said = wish.get("reason", ""), wish.get("then")
    terms.check(term, timerange.now_ns(), reason)
    terms.check_carried(what, policy, said)
    to = await addresses(where, what)
    if not (to or where.remote):
        raise Conflict(
            f'nothing was sent: service "{what.name}" of site "{where.name}" has no instances; '
            "set instances, dns or targets_port for it in the site file"
        )
    for each in await in_database(store.to_adopt, where, [what]):
        await in_database(adopt_file, ITSELF, service=each.name, site=where.name)
    before = (await in_database(store.current, where.name, {what.name: to}))[what.name]
    before.check_taken(policy, said)
    then = terms.check_then(what.name, term, before.baseline, said)
    if not above_ceiling and (over := await over_now(where, what, before, policy, said)):
        raise over.refused()
    setting = Setting(0, 0, policy, term.until(timerange.now_ns()), then)
    revision = await in_database(
        store.begin, actor, where.name, what.name, setting, before.policies, to, reason
    )
    answers = await delivery.deliver(what, to, policy)
    change = await in_database(store.finish, revision, answers)
    if not change.is_confirmed:
        raise NotConfirmed(change.unconfirmed, change)
    return change


@write("sampling.adopt_file", permission=OPSPORTAL, target=_target)
def adopt_file(actor: Actor, *, service: str = "", site: str = "") -> None:
    """Make what the site file says of a service a revision of its own; the watcher sends it."""
    where = sites().site(site)
    what = where.service(service)
    if what.sampling:
        store.adopt(actor, where.name, what.name, what.sampling)


@write("sampling.correct", permission=OPSPORTAL, target=_target)
def correct(
    actor: Actor,
    *,
    policy: Policy,
    revision: int,
    instances: str,
    service: str = "",
    site: str = "",
) -> None:
    """Record that instances that did not have what is in force have it now."""
