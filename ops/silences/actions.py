"""Actions on the silences of a site's Alertmanagers.

They share their silences, so a change is sent to one of them.
"""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

from ops.actor import Actor
from ops.alerts.answers import SourceFailure
from ops.alerts.notifying import NOTIFICATIONS, Routed, ask_all
from ops.backends.alertmanager import Alertmanager
from ops.backends.clients import clients
from ops.errors import BackendUnavailable, Conflict, NotFound
from ops.guard import action
from ops.silences import rules
from ops.silences.rules import site_with_silences
from ops.sites import Site, sites
from ops.vocabulary import timerange
from ops.vocabulary.matchers import Matcher
from ops.vocabulary.notifications import ALERTNAME, Notification, Silence, all_accept

READ = "alerts.view_alerts"
CHANGE = "alerts.silence"
PATIENCE = 5.0  # seconds that Alertmanagers have to answer
SHARED = 1.0  # seconds within which they tell each other of a change


@dataclass(frozen=True, slots=True)
class ShownSilence:
    """A silence, and how many of the alerts that Alertmanager has now it silences."""

    silence: Silence
    alerts: int


@dataclass(frozen=True, slots=True)
class SilenceList:
    """The silences of a site that have not ended, the next to end first.

    `failures` are the Alertmanagers that did not answer: silences may be missing, and alerts.
    """

    site: str
    silences: tuple[ShownSilence, ...]
    failures: tuple[SourceFailure, ...] = ()


@dataclass(frozen=True, slots=True)
class Preview:
    """What a silence would hide now: `hides` are alerts that Alertmanager has.

    `questions` are sentences that must be confirmed before it is made.
    """

    site: str
    matchers: tuple[Matcher, ...]
    hides: tuple[Notification, ...]
    questions: tuple[str, ...]
    failures: tuple[SourceFailure, ...] = ()


@dataclass(frozen=True, slots=True)
class MadeSilence:
    """A silence as it is after a change, and how many alerts it silences.

    `replaced` is the ID of the silence in whose place it is, "" if it is new or the same.
    """

    site: str
    silence: Silence
    hides: int
    replaced: str = ""

    def __str__(self) -> str:
        until = timerange.format_moment(self.silence.ends_at)
        instead = f", instead of {self.replaced}" if self.replaced else ""
        return f"silence {self.silence.id} until {until}{instead}"


def _target(*, site: str = "", **_: object) -> str:
    return f"{sites().site(site).name}/silences"


@action("silences.list_silences", permission=READ)
async def list_silences(actor: Actor, *, site: str = "") -> SilenceList:
    """Return the silences that are in force or planned; raises NotSetUp without Alertmanager."""
    where = site_with_silences(site)
    found = await _now(where)
    known = sorted(found.silences.values(), key=lambda each: (each.ends_at, each.id))
    numbers = await asyncio.to_thread(_count, found, known)
    shown = (ShownSilence(each, number) for each, number in zip(known, numbers, strict=True))
    return SilenceList(where.name, tuple(shown), found.failures)


@action("silences.preview_silence", permission=READ)
async def preview_silence(actor: Actor, *, matchers: Sequence[Matcher], site: str = "") -> Preview:
    """Return what a silence with these matchers would hide now, and what must be confirmed."""
    where = site_with_silences(site)
    found = await _now(where)
    hides = await asyncio.to_thread(_hidden, found, matchers)
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
    hides = len(await asyncio.to_thread(_hidden, found, matchers))
    asked = rules.questions(matchers, hides, where.silence_confirm_above)
    if asked and not confirmed:
        raise Conflict(f"{'. '.join(asked)}. Confirm it to silence them")
    silence = Silence("", tuple(matchers), now, ends_at, actor.name, comment)
    key = await _answering(where, found).set_silence(silence)
    await _shared(where, found, key, ends_at)
    return MadeSilence(where.name, replace(silence, id=key), hides)


@action(
    "silences.extend_silence",
    permission=CHANGE,
    audit=True,
    target=_target,
    changes=NOTIFICATIONS.name,
)
async def extend_silence(actor: Actor, *, key: str, ends_at: int, site: str = "") -> MadeSilence:
    """Let a silence end at another time (Unix nanoseconds); raises NotFound.

    Matchers, start and comment stay, so that its ID usually does too.
    """
    where, now = site_with_silences(site), timerange.now_ns()
    found = await _now(where)
    before = _one(found, key)
    rules.check(before.matchers, before.comment, ends_at, now)
    changed = replace(before, ends_at=ends_at)
    new = await _answering(where, found).set_silence(changed)
    await _shared(where, found, new, ends_at)
    [hides] = await asyncio.to_thread(_count, found, [before])
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
    ended = replace(before, ends_at=timerange.now_ns())
    [hides] = await asyncio.to_thread(_count, found, [before])
    return MadeSilence(where.name, ended, hides)


async def _now(site: Site) -> Routed:
    """Ask all Alertmanagers; raises BackendUnavailable if none answers."""
    found = await ask_all(site, PATIENCE)
    if len(found.failures) == len(site.alertmanager):
        reasons = "; ".join(each.reason for each in found.failures)
        raise BackendUnavailable(reasons, backend=f"Alertmanager of {site.name}")
    return found


def _hidden(found: Routed, matchers: Sequence[Matcher]) -> tuple[Notification, ...]:
    return tuple(each for each in found.known if all_accept(matchers, each.labels))


def _count(found: Routed, silences: Sequence[Silence]) -> list[int]:
    """Return how many alerts each silence matches; see `_hidden`.

    Most silences name their alert, so that they need not be compared with all others.
    """
    by_name: dict[str, list[Notification]] = {}
    for alert in found.known:
        by_name.setdefault(alert.name, []).append(alert)
    every = list(found.known)
    numbers = []
    for silence in silences:
        name = next((each.value for each in silence.matchers if _names_alert(each)), None)
        among = every if name is None else by_name.get(name, [])
        numbers.append(sum(all_accept(silence.matchers, each.labels) for each in among))
    return numbers


def _names_alert(matcher: Matcher) -> bool:
    return (matcher.name, matcher.operator) == (ALERTNAME, "=")


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
        async with asyncio.timeout(SHARED):
            while waiting:
                for source in site.alertmanager:
                    clients().alertmanager(site, source).read_anew()
                now = await ask_all(site, PATIENCE)
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
