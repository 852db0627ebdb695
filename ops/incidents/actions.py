"""Actions on incidents: open one, write in it, pin traces, close it, open it again."""

import asyncio
from collections.abc import Sequence
from zoneinfo import ZoneInfo, available_timezones

from ops.actor import Actor
from ops.backends.clients import clients
from ops.database import in_database
from ops.errors import InvalidInput
from ops.guard import OPSPORTAL, action
from ops.incidents import store
from ops.incidents.causes import Causes, find_causes
from ops.incidents.facts import (
    LONGEST_NOTE,
    LONGEST_TITLE,
    NO_ORIGIN,
    Entry,
    EntryKind,
    Incident,
    IncidentList,
    Origin,
    OriginKind,
    Thread,
)
from ops.incidents.gathering import QUIET, Story, gather
from ops.incidents.lines import Line, LineKind, Part, Target, TargetKind
from ops.incidents.markdown import Address, write_up
from ops.incidents.opening import draft
from ops.incidents.quiet import Offer, read_offers
from ops.incidents.services import RolloutStep, SampledFor, ServiceDuring, Step
from ops.rights import rights_of
from ops.sites import sites
from ops.traces import actions as traces

__all__ = [
    "LONGEST_NOTE",
    "LONGEST_TITLE",
    "NO_ORIGIN",
    "QUIET",
    "Causes",
    "Entry",
    "EntryKind",
    "Incident",
    "IncidentList",
    "Line",
    "LineKind",
    "Offer",
    "Origin",
    "OriginKind",
    "Part",
    "RolloutStep",
    "SampledFor",
    "ServiceDuring",
    "Step",
    "Story",
    "Target",
    "TargetKind",
    "Thread",
    "add_note",
    "claim_offer",
    "close_incident",
    "export",
    "find_by_thread",
    "list_incidents",
    "list_offers",
    "open_incident",
    "pin_trace",
    "reopen",
    "show_causes",
    "show_incident",
    "show_story",
]

READ = "incidents.view_incidents"
WORK = "incidents.work"
SUBJECT = "incidents"  # of notices
MOST_LISTED = 200


def _target(*, site: str = "", number: int = 0, **_: object) -> str:
    return f"{sites().site(site).name}/incident{f' {number}' if number else 's'}"


@action("incidents.open_incident", permission=WORK, audit=True, target=_target, changes=SUBJECT)
async def open_incident(
    actor: Actor,
    *,
    title: str = "",
    services: Sequence[str] = (),
    origin: Origin = NO_ORIGIN,
    thread: Thread | None = None,
    site: str = "",
) -> Incident:
    """Open an incident, from an alert, a group of alerts, a trace, or by hand.

    Title and services are those of what it is opened from unless given. It begins when that
    began. Raises Conflict if one is open for the same already, or for the same thread.
    """
    where = sites().site(site)
    meant = await draft(
        actor,
        where,
        title=title,
        services=services,
        origin=origin,
        thread=thread,
    )
    return await in_database(store.open_incident, actor, meant)


@action("incidents.add_note", permission=WORK, audit=True, target=_target, changes=SUBJECT)
async def add_note(actor: Actor, *, text: str, number: int = 0, site: str = "") -> Incident:
    """Write a note into an incident, with number 0 into the newest open one; raises NotFound."""
    written = text.replace("\0", "").strip()
    if not written:
        raise InvalidInput("the note is empty")
    if len(written) > LONGEST_NOTE:
        raise InvalidInput(
            f"the note has {len(written):,} characters; the limit is {LONGEST_NOTE:,}. Shorten it"
        )
    where = sites().site(site).name
    return await in_database(store.add, actor, where, number, EntryKind.NOTE, written)


@action("incidents.pin_trace", permission=WORK, audit=True, target=_target, changes=SUBJECT)
async def pin_trace(actor: Actor, *, trace_id: str, number: int = 0, site: str = "") -> Incident:
    """Pin a trace to an incident, once; raises NotFound if there is no such trace."""
    where = sites().site(site).name
    found = await traces.show_trace(actor, trace_id=trace_id, site=where, timed=False)
    return await in_database(store.add, actor, where, number, EntryKind.PINNED, found.trace_id)


@action("incidents.close_incident", permission=WORK, audit=True, target=_target, changes=SUBJECT)
async def close_incident(actor: Actor, *, number: int = 0, site: str = "") -> Incident:
    """Close an incident; raises Conflict if it is closed."""
    return await in_database(store.close, actor, sites().site(site).name, number)


@action("incidents.reopen", permission=WORK, audit=True, target=_target, changes=SUBJECT)
async def reopen(actor: Actor, *, number: int, site: str = "") -> Incident:
    """Open a closed incident again; raises Conflict if it is open."""
    return await in_database(store.reopen, actor, sites().site(site).name, number)


@action("incidents.list_incidents", permission=READ)
async def list_incidents(
    actor: Actor,
    *,
    start: int = 0,
    end: int = 0,
    service: str = "",
    limit: int = MOST_LISTED,
    site: str = "",
) -> IncidentList:
    """Return the incidents of a site, or of one service, without their entries.

    With `start` and `end` (Unix nanoseconds), those that were open at any time in between.
    """
    where = sites().site(site)
    name = where.service(service).name if service else ""
    most = max(1, min(limit, MOST_LISTED))
    found, more = await in_database(store.several, where.name, start, end, name, most)
    return IncidentList(where.name, tuple(found), more)


@action("incidents.show_incident", permission=READ)
async def show_incident(actor: Actor, *, number: int = 0, site: str = "") -> Incident:
    """Return an incident with what was written in it; with number 0, the newest open one."""
    return await in_database(store.find, sites().site(site).name, number)


@action("incidents.show_story", permission=READ)
async def show_story(actor: Actor, *, number: int = 0, site: str = "") -> Story:
    """Return an incident and what happened in its time, as far as the reader may see it.

    That is: alerts, rollouts, sampling, who had its alerts, and what was written in it. It comes
    from OpsPortal's own memory: no source is asked. Readers with the same permissions share it.
    """
    where = sites().site(site)

    async def read() -> Story:
        return await gather(actor, where, await in_database(store.find, where.name, number))

    key = ("story", where, number, (await rights_of(actor.user_id)).permissions)
    return await clients().reads.answer(key, read)


@action("incidents.show_causes", permission=READ)
async def show_causes(
    actor: Actor, *, number: int = 0, service: str = "", site: str = ""
) -> tuple[Causes, ...]:
    """Return how the traces of its services, or of one, differ from the hour before.

    It asks Jaeger, twice at most for each, so a page shows it later, service by service. A failure
    becomes a sentence. Raises NotFound for a service that is not compared.
    """
    where = sites().site(site)
    incident = await in_database(store.find, where.name, number)
    return await find_causes(actor, where, incident, service)


@action("incidents.export", permission=READ)
async def export(
    actor: Actor, *, address: Address, number: int = 0, zone: str = "UTC", site: str = ""
) -> str:
    """Return an incident as Markdown, as far as the reader may see it.

    `address` says where a target's page is, "" for nowhere; all times are in the `zone`.
    """
    if zone not in available_timezones():
        raise InvalidInput(f'there is no time zone "{zone[:80]}"; write Europe/Berlin or UTC')
    story, causes = await asyncio.gather(
        show_story(actor, number=number, site=site), show_causes(actor, number=number, site=site)
    )
    return await asyncio.to_thread(write_up, story, causes, ZoneInfo(zone), address)


@action("incidents.find_by_thread", permission=READ)
async def find_by_thread(actor: Actor, *, channel: str, ts: str) -> Incident | None:
    """Return the incident that a thread in Slack belongs to, None for none."""
    return await in_database(store.of_thread, channel, ts)


@action("incidents.list_offers", permission=OPSPORTAL)
async def list_offers(actor: Actor) -> tuple[Offer, ...]:
    """Return the incidents with a thread that may be over, and have not been offered to close."""
    return await in_database(read_offers)


@action("incidents.claim_offer", permission=OPSPORTAL)
async def claim_offer(actor: Actor, *, offer: Offer, undo: bool = False) -> bool:
    """Claim to offer it; of several processes, one gets True. `undo` gives a claim back."""
    before, after = offer.before, offer.quiet_since
    where = (offer.incident.site, offer.incident.number)
    return await in_database(
        store.claim_offer, *where, *((after, before) if undo else (before, after))
    )
