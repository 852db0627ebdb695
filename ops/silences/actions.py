"""Actions on the silences of a site's Alertmanagers.

They share their silences, so a change is sent to one of them.
"""

import asyncio
import logging
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import TypeVar

from ops.actor import Actor
from ops.alerts.notifying import NOTIFICATIONS, Routed, ask_all
from ops.backends.alertmanager import Alertmanager
from ops.backends.clients import clients
from ops.database import in_database
from ops.errors import BackendUnavailable, Conflict, InvalidInput, NotFound, OpsError
from ops.guard import action
from ops.patience import patient
from ops.silences import hiding, rules, store
from ops.silences.ending import SilenceEnding, ending_soon, endings, note_change, to_warn_of
from ops.silences.facts import MadeSilence, Preview, ShownSilence, SilenceList
from ops.silences.rules import CHANGE, READ, site_with_silences
from ops.sites import Site, sites
from ops.vocabulary import timerange
from ops.vocabulary.matchers import Matcher
from ops.vocabulary.notifications import ACTIVE, EXPIRED, Silence

__all__ = [
    "CHANGE",
    "READ",
    "MadeSilence",
    "Preview",
    "ShownSilence",
    "SilenceEnding",
    "SilenceList",
    "create_silence",
    "end_silence",
    "ending_soon",
    "endings",
    "extend_silence",
    "list_silences",
    "preview_silence",
    "to_warn_of",
]
PATIENCE = 2.5  # seconds that Alertmanagers have to answer: people wait for them
SHARED = 1.0  # seconds within which they tell each other of a change
N = TypeVar("N")
log = logging.getLogger(__name__)


def _target(*, site: str = "", **_: object) -> str:
    return f"{sites().site(site).name}/silences"


@action("silences.list_silences", permission=READ)
async def list_silences(actor: Actor, *, site: str = "") -> SilenceList:
    """Return the silences that are in force or planned; raises NotSetUp without Alertmanager."""
    where = site_with_silences(site)
    found = await _now(where)
    known = sorted(found.silences.values(), key=lambda each: (each.ends_at, each.id))
    numbers = await asyncio.to_thread(hiding.count, found, known)
    shown = (
        ShownSilence(each, number, found.is_whole and not number and each.state == ACTIVE)
        for each, number in zip(known, numbers, strict=True)
    )
    return SilenceList(where.name, tuple(shown), found.failures)


@action("silences.preview_silence", permission=READ)
async def preview_silence(actor: Actor, *, matchers: Sequence[Matcher], site: str = "") -> Preview:
    """Return what a silence with these matchers would hide now, and what must be confirmed."""
    where = site_with_silences(site)
    found = await _now(where)
    hides = await asyncio.to_thread(hiding.hidden, found, matchers)
    asked = rules.questions(matchers, len(hides), where.silence_confirm_above)
    return Preview(where.name, tuple(matchers), hides, asked, found.failures)


@action(
    "silences.create_silence",
    permission=CHANGE,
    audit=True,
    target=_target,
    changes=NOTIFICATIONS.name,
)
async def create_silence(
    actor: Actor,
    *,
    matchers: Sequence[Matcher],
    ends_at: int,
    comment: str = "",
    confirmed: bool = False,
    site: str = "",
) -> MadeSilence:
    """Silence alerts from now to `ends_at` (Unix nanoseconds).

    Raises Conflict with the questions of `preview_silence` unless these are `confirmed`.
    """
    where, now = site_with_silences(site), timerange.now_ns()
    rules.check(matchers, comment, ends_at, now)
    found = await _now(where)
    hides = len(await asyncio.to_thread(hiding.hidden, found, matchers))
    asked = rules.questions(matchers, hides, where.silence_confirm_above)
    if asked and not confirmed:
        raise Conflict(f"{'. '.join(asked)}. Confirm it to silence them")
    silence = Silence("", tuple(matchers), now, ends_at, actor.name, comment)
    key = await _answering(where, found).set_silence(silence)
    line = ", ".join(map(str, matchers))
    number = await _noted(where, store.made, key, actor.user_id, line, now, ends_at) or 0
    await _shared(where, found, key, ends_at)
    return MadeSilence(where.name, replace(silence, id=key), hides, number=number)


@action(
    "silences.extend_silence",
    permission=CHANGE,
    audit=True,
    target=_target,
    changes=NOTIFICATIONS.name,
)
async def extend_silence(actor: Actor, *, key: str, ends_at: int, site: str = "") -> MadeSilence:
    """Let a silence end at another time (Unix nanoseconds); raises NotFound.

    Matchers, start and comment stay, so that its ID usually does too. If Alertmanager refuses it,
    the silence stays as it was, and the error says so.
    """
    where, now = site_with_silences(site), timerange.now_ns()
    found = await _now(where)
    before = _one(found, key)
    rules.check(before.matchers, before.comment, ends_at, now)
    changed = replace(before, ends_at=ends_at)
    try:
        new = await _answering(where, found).set_silence(changed)
    except InvalidInput as error:
        until = timerange.format_moment(before.ends_at)
        raise InvalidInput(f"{error}. The silence stays as it was, until {until}") from error
    await _noted(where, store.extended, key, new, now, ends_at)
    await _shared(where, found, new, ends_at)
    [hides] = await asyncio.to_thread(hiding.count, found, [before])
    replaced = "" if new == key else key
    return MadeSilence(where.name, replace(changed, id=new), hides, replaced)


@action(
    "silences.end_silence",
    permission=CHANGE,
    audit=True,
    target=_target,
    changes=NOTIFICATIONS.name,
)
async def end_silence(actor: Actor, *, key: str, site: str = "") -> MadeSilence:
    """End a silence now; raises NotFound if it has ended or never was."""
    where = site_with_silences(site)
    found = await _now(where)
    before = _one(found, key)
    await _answering(where, found).end_silence(key)
    await _shared(where, found, key, 0)
    ended = replace(before, ends_at=timerange.now_ns(), state=EXPIRED)
    await _noted(where, store.ended, key, actor.name, ended.ends_at)
    [hides] = await asyncio.to_thread(hiding.count, found, [before])
    return MadeSilence(where.name, ended, hides)


async def _noted(site: Site, write: Callable[..., N], *arguments: object) -> N | None:
    """Record a change that has been made; without our database, its end is not warned of."""
    try:
        return await in_database(write, site.name, *arguments)
    except OpsError as error:
        log.warning("nobody will be warned of the end of a silence: %s", error)
        return None
    finally:
        note_change(site.name)


async def _now(site: Site) -> Routed:
    """Ask all Alertmanagers; raises BackendUnavailable if none answers."""
    found = await ask_all(site, patient(PATIENCE))
    if len(found.failures) == len(site.alertmanager):
        reasons = "; ".join(each.reason for each in found.failures)
        raise BackendUnavailable(reasons, backend=f"Alertmanager of {site.name}")
    return found


def _one(found: Routed, key: str) -> Silence:
    if key in found.silences:
        return found.silences[key]
    unsure = (
        f"; {', '.join(sorted(found.silent))} did not answer and may have it"
        if found.silent
        else ""
    )
    raise NotFound(f"there is no silence {key[:80]}, or it has ended{unsure}")


async def _shared(site: Site, found: Routed, key: str, ends_at: int) -> None:
    """Wait a moment until all that answered know of a change, so that the next look shows it.

    They tell each other within some 0.2 s. `ends_at` is 0 for a silence that has ended.
    """
    waiting = {each.name for each in site.alertmanager} - found.silent
    with suppress(TimeoutError):
        async with asyncio.timeout(patient(SHARED)):
            while waiting:
                for source in site.alertmanager:
                    clients().alertmanager(site, source).read_anew()
                now = await ask_all(site, patient(PATIENCE))
                waiting -= {
                    name
                    for name, silences in now.by_source.items()
                    if _is_as_wanted(silences.get(key), ends_at)
                }
                if waiting:
                    await asyncio.sleep(SHARED / 20)


def _is_as_wanted(silence: Silence | None, ends_at: int) -> bool:
    if silence is None:
        return not ends_at
    return abs(silence.ends_at - ends_at) < timerange.SECOND  # it keeps milliseconds


def _answering(site: Site, found: Routed) -> Alertmanager:
    """Return the first Alertmanager that answered just now.

    A change is sent to one only: if it fails there, it may have been made.
    """
    source = next(each for each in site.alertmanager if each.name not in found.silent)
    return clients().alertmanager(site, source)
