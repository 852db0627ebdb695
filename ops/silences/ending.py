"""The end of a silence that somebody made here: when to warn of it, and what has become of it.

Doors ask with the clock, and remember what they have said. Silences that were made elsewhere, such
as with amtool, are not ours to warn of.
"""

import asyncio
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from ops.actor import Actor
from ops.alerts.notifying import Routed, routed
from ops.backends.clients import clients
from ops.database import in_database
from ops.errors import OpsError
from ops.guard import OPSPORTAL, action
from ops.patience import patient
from ops.silences import hiding, store
from ops.silences.models import OwnSilence
from ops.silences.rules import CHANGE, warn_at
from ops.sites import sites
from ops.vocabulary import timerange
from ops.vocabulary.matchers import Matcher, parse_matchers
from ops.vocabulary.notifications import Silence

PATIENCE = 2.0  # seconds that Alertmanagers have to answer
AGE, PAGES_PATIENCE = 1.0, 0.3  # seconds: every page asks
MORE = timerange.HOUR  # that a silence lasts longer if somebody says so
# What the watcher knows can be older than a silence that was made just now.
SURELY_KNOWN = timerange.MINUTE
_changes: Counter[str] = Counter()  # of a site's silences, at the doors of this process


@dataclass(frozen=True, slots=True)
class SilenceEnding:
    """A silence that was made here by a user, and what has become of it.

    It lasts from `since` to `until` (Unix nanoseconds); `is_over`: it ended, `ended_by` somebody
    if it was ended here. `alerts` is how many alerts it hides now, None if that is unknown.
    """

    number: int
    site: str
    key: str
    user_id: int
    by: str
    matchers: tuple[Matcher, ...]
    since: int
    until: int
    alerts: int | None = None
    is_over: bool = False
    ended_by: str = ""

    @property
    def warn_at(self) -> int:
        """When to warn of the end."""
        return warn_at(self.since, self.until)

    @property
    def what(self) -> str:
        """What it silences: the name of an alert, or all of its matchers."""
        named = [each.value for each in self.matchers if hiding.names_alert(each)]
        return named[0] if named else ", ".join(map(str, self.matchers))


def note_change(site: str) -> None:
    """Let nobody here read what was known before a change."""
    _changes[site] += 1


@action("silences.endings", permission=OPSPORTAL)
async def endings(actor: Actor, *, numbers: Collection[int]) -> Mapping[int, SilenceEnding]:
    """Return what has become of silences that were made here, those that are known."""
    rows = await in_database(store.by_number, numbers)
    return {each.number: each for each in await _as_they_are(rows)}


@action("silences.to_warn_of", permission=OPSPORTAL)
async def to_warn_of(actor: Actor) -> Mapping[int, int]:
    """Return the silences whose end is to be warned of now: by number, the user who made them.

    Those who may not see alerts any more are not warned.
    """
    return {row.pk: row.user_id for row in await in_database(store.to_warn_of)}


@action("silences.ending_soon", permission=CHANGE)
async def ending_soon(actor: Actor, *, site: str = "") -> tuple[SilenceEnding, ...]:
    """Return the silences in force that the actor made here, the next to end first.

    They may be a second old, and are left out if the database is slow: every page asks.
    """
    where = sites().site(site)
    found = await clients().lasting.answer(
        ("own silences", where.name, _changes[where.name]),
        lambda: _in_force(where.name),
        patient(PAGES_PATIENCE),
        AGE,
    )
    return tuple(each for each in found.answer or () if each.user_id == actor.user_id)


async def _in_force(site: str) -> tuple[SilenceEnding, ...]:
    rows = await in_database(store.in_force, site)
    found = await _as_they_are(rows) if rows else []
    return tuple(each for each in found if not each.is_over)


async def _as_they_are(rows: Sequence[OwnSilence]) -> list[SilenceEnding]:
    """Return silences as they are now; where Alertmanager cannot be asked, as we know them."""
    names = {row.site for row in rows}
    known = dict(zip(names, await asyncio.gather(*map(_routed, names)), strict=True))
    return await asyncio.to_thread(_read, rows, known)


async def _routed(name: str) -> Routed | None:
    try:
        return await routed(sites().site(name), patient(PATIENCE))
    except OpsError:
        return None


def _read(rows: Sequence[OwnSilence], known: Mapping[str, Routed | None]) -> list[SilenceEnding]:
    seen = {
        name: _Seen.of(found, [row.key for row in rows if row.site == name])
        for name, found in known.items()
    }
    now = timerange.now_ns()
    return [_ending(row, seen[row.site], now) for row in rows]


@dataclass(frozen=True, slots=True)
class _Seen:
    """What a site's Alertmanagers say: some silences by ID, and how many alerts each hides.

    If `all_answered`, there are no others.
    """

    silences: Mapping[str, Silence]
    alerts: Mapping[str, int]
    all_answered: bool

    @classmethod
    def of(cls, found: Routed | None, keys: Iterable[str]) -> "_Seen":
        if found is None:
            return cls({}, {}, all_answered=False)
        silences = {key: found.silences[key] for key in keys if key in found.silences}
        alerts = dict(zip(silences, hiding.count(found, [*silences.values()]), strict=True))
        return cls(silences, alerts, all_answered=found.is_whole)


def _ending(row: OwnSilence, seen: _Seen, now: int) -> SilenceEnding:
    since, until = map(timerange.from_datetime, (row.since, row.until))
    silence, alerts = seen.silences.get(row.key), seen.alerts.get(row.key)
    settled = not row.ended_by and now > since + SURELY_KNOWN
    if silence and settled:
        until = silence.ends_at  # somebody may have moved it elsewhere
    gone = settled and silence is None and seen.all_answered
    return SilenceEnding(
        number=row.pk,
        site=row.site,
        key=row.key,
        user_id=row.user_id,
        by=row.user.get_username(),
        matchers=parse_matchers(row.matchers),
        since=since,
        until=min(until, now) if gone else until,
        alerts=alerts if alerts or seen.all_answered else None,
        is_over=gone or until <= now or bool(row.ended_by),
        ended_by=row.ended_by,
    )
