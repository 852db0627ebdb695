"""Actions on acknowledgements: have an alert, hand it over, give it back.

They are kept in our own database, so they work without Alertmanager. They end by themselves when
the alert has resolved or their time is over, see ops.alerts.acknowledgements.
"""

import asyncio
from collections.abc import Callable, Iterable
from functools import partial

from ops.actor import Actor
from ops.alerts import acknowledgements as kept
from ops.alerts import actions as alerts
from ops.alerts.acknowledgements import ACKNOWLEDGE as CHANGE
from ops.alerts.acknowledgements import MOST as MOST_LISTED
from ops.alerts.acknowledgements import Held, Person
from ops.alerts.handing import HandOver, recent
from ops.alerts.one import State
from ops.alerts.truth import headline
from ops.alerts.watching import ALERTS
from ops.backends.clients import clients
from ops.database import in_database
from ops.errors import Conflict, InvalidInput, NotFound
from ops.guard import OPSPORTAL, action
from ops.patience import patient
from ops.rights import rights_of
from ops.sites import Site, sites
from ops.vocabulary import timerange
from ops.vocabulary.acknowledgements import Acknowledgement
from ops.vocabulary.alert_filters import AlertFilter
from ops.vocabulary.alerts import Alert
from ops.vocabulary.matchers import Matcher
from ops.vocabulary.notifications import ALERTNAME
from ops.vocabulary.texts import shortened

__all__ = [
    "CHANGE",
    "LONGEST_NOTE",
    "MOST_LISTED",
    "Acknowledgement",
    "HandOver",
    "acknowledge",
    "give_back",
    "hand_over",
    "list_acknowledgements",
    "list_hand_overs",
    "list_people",
]

LONGEST_NOTE = 300  # characters
LONGEST = 90 * timerange.DAY
PATIENCE = 5.0  # seconds that sources have to say whether the alert is active


def _target(*, site: str = "", **_: object) -> str:
    return f"{sites().site(site).name}/alerts"


@action(
    "acknowledgements.acknowledge",
    permission=CHANGE,
    audit=True,
    target=_target,
    changes=ALERTS.name,
)
async def acknowledge(
    actor: Actor,
    *,
    name: str = "",
    fingerprint: str = "",
    note: str | None = None,
    until: int | None = None,
    site: str = "",
) -> Acknowledgement:
    """Let the actor have an alert or, with only a name, all alerts of that name.

    It holds until it resolves or, if that comes first, `until` (Unix nanoseconds, 0 for no time).
    If the actor has it already, its note and end change; what is None stays as it is.
    Raises Conflict if somebody else has it, or if it has resolved.
    """
    where, now = sites().site(site), timerange.now_ns()
    _check(note or "", until or 0, now)
    what, services = await _active(actor, where, name, fingerprint)
    return await _changed(
        partial(kept.take, what, _person(actor), until=until, note=note, services=services, now=now)
    )


@action(
    "acknowledgements.hand_over",
    permission=CHANGE,
    audit=True,
    target=_target,
    changes=ALERTS.name,
)
async def hand_over(
    actor: Actor,
    *,
    to: str,
    name: str = "",
    fingerprint: str = "",
    note: str = "",
    site: str = "",
) -> Acknowledgement:
    """Let the user called `to` have what somebody has; anyone may take it over like this.

    Raises Conflict if nobody has it, NotFound if `to` may not have it.
    """
    where, now = sites().site(site), timerange.now_ns()
    _check(note, 0, now)
    what = await _named(actor, where, name, fingerprint)
    return await _changed(partial(kept.hand_over, what, _person(actor), to=to, note=note, now=now))


@action(
    "acknowledgements.give_back",
    permission=CHANGE,
    audit=True,
    target=_target,
    changes=ALERTS.name,
)
async def give_back(
    actor: Actor, *, name: str = "", fingerprint: str = "", site: str = ""
) -> Acknowledgement:
    """Let nobody have what the actor has; raises Conflict if they do not have it."""
    where = sites().site(site)
    what = await _named(actor, where, name, fingerprint)
    return await _changed(partial(kept.give_back, what, _person(actor), timerange.now_ns()))


@action("acknowledgements.list_acknowledgements", permission=alerts.READ)
async def list_acknowledgements(
    actor: Actor, *, start: int = 0, end: int = 0, service: str = "", site: str = ""
) -> tuple[Acknowledgement, ...]:
    """Return the newest MOST_LISTED in force at any time from start to end (Unix ns, 0 for now).

    So those that have ended are returned too. With a service, only those of its alerts.
    """
    where, now = sites().site(site), timerange.now_ns()
    what = where.service(service).name if service else ""
    return await in_database(kept.between, where.name, start or now, end or now, now, what)


@action("acknowledgements.list_people", permission=CHANGE)
async def list_people(actor: Actor) -> tuple[str, ...]:
    """Return the names of the users who can be handed an alert."""
    return await in_database(kept.people)


@action("acknowledgements.list_hand_overs", permission=OPSPORTAL)
async def list_hand_overs(actor: Actor) -> tuple[HandOver, ...]:
    """Return what was handed or taken over in the last minutes, for each person to notify.

    People who may no longer see alerts are left out.
    """
    found = await in_database(recent, [*sites().all], timerange.now_ns())
    users = {each.user_id for each in found}
    rights = dict(zip(users, await asyncio.gather(*map(rights_of, users)), strict=True))
    return tuple(each for each in found if alerts.READ in rights[each.user_id].permissions)


async def _changed(change: Callable[[], Acknowledgement]) -> Acknowledgement:
    """Make a change, and let nobody read what was there before it."""
    try:
        return await in_database(change)
    finally:
        clients().reads.renew()


def _check(note: str, until: int, now: int) -> None:
    if len(note) > LONGEST_NOTE or not note.isprintable():
        raise InvalidInput(
            f"a note is one line of at most {LONGEST_NOTE} characters, none of them invisible"
        )
    if until and until <= now:
        raise InvalidInput("an acknowledgement must end in the future")
    if until > now + LONGEST:
        raise InvalidInput(
            f"an acknowledgement ends within {timerange.format_duration(LONGEST)}, or when the "
            "alert resolves"
        )


async def _active(
    actor: Actor, site: Site, name: str, fingerprint: str
) -> tuple[Held, tuple[str, ...]]:
    """Return what is to be had, if it is active, and the services that it is about."""
    if fingerprint:
        shown = await alerts.show_alert(
            actor, fingerprint=fingerprint, site=site.name, patience=patient(PATIENCE)
        )
        if shown.state is State.RESOLVED:
            raise Conflict(f"{shown.alert.name} has resolved, so nobody needs to have it")
        return Held(site.name, shown.alert.name, fingerprint), _services(site, [shown.alert])
    if not name:
        raise InvalidInput("which alert? Give the name or the ID of one that is firing")
    kept.check_name(name)
    named = AlertFilter(matchers=(Matcher(ALERTNAME, "=", name),), site=site.name)
    found = await alerts.list_alerts(actor, filter=named, patience=patient(PATIENCE))
    if not found.alerts:
        nothing = f'no alert called "{shortened(name, 80)}" is firing or pending'
        raise NotFound(headline(0, found.doubts, nothing=nothing))
    return Held(site.name, name), _services(site, found.alerts)


async def _named(actor: Actor, site: Site, name: str, fingerprint: str) -> Held:
    """Return what somebody has, also if its alert is not active any more."""
    if not fingerprint:
        return Held(site.name, name)
    shown = await alerts.show_alert(
        actor, fingerprint=fingerprint, site=site.name, patience=patient(PATIENCE)
    )
    return Held(site.name, shown.alert.name, fingerprint)


def _services(site: Site, found: Iterable[Alert]) -> tuple[str, ...]:
    theirs = {service.name for alert in found for service in site.services_of(alert.labels)}
    return tuple(name for name in site.services if name in theirs)


def _person(actor: Actor) -> Person:
    return Person(actor.user_id, actor.name)
