"""Who is notified of the alerts that fire, as the site's Alertmanagers say.

Their instances share silences, but not alerts: each may know alerts that the others do not. So all
of them are asked, and what they say is joined with an alert by its labels.
"""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import chain
from typing import Any, TypeVar

from ops.alerts.answers import SourceFailure
from ops.backends.alertmanager import Alertmanager, Routing
from ops.backends.clients import clients
from ops.errors import OpsError
from ops.sites import Site
from ops.vocabulary import timerange
from ops.vocabulary.alerts import FIRING, Alert
from ops.vocabulary.notifications import ALERTNAME, Notification, Notifications, Silence
from ops.watch.periods import Changes, Period
from ops.watch.picture import Picture, pictures

T = TypeVar("T")


class NotificationSubject:
    """What each Alertmanager knows."""

    name = "notifications"
    answer = Routing
    remembered: Sequence[type[Period]] = ()

    def sources(self, site: Site) -> Sequence[str]:
        return [source.name for source in site.alertmanager]

    async def poll(self, site: Site, source: str, before: Routing | None) -> Routing:
        return await clients().alertmanager(site, site.alertmanager_named(source)).routing()

    def history(self, site: Site) -> "NoHistory":
        return NoHistory()


class NoHistory:
    """Nothing is remembered; see ops.watch.subjects.History."""

    def resume(self) -> None: ...

    def changes(self, picture: Picture[Routing]) -> Sequence[Changes[Any]]:
        return ()


NOTIFICATIONS = NotificationSubject()


class Delivery(StrEnum):
    """What happens to an alert in Alertmanager."""

    NOTIFIED = "notified"
    SILENCED = "silenced"
    INHIBITED = "inhibited"
    MUTED = "muted"
    MISSING = "missing"
    UNKNOWN = "unknown"


HELD_BACK = (Delivery.SILENCED, Delivery.INHIBITED, Delivery.MUTED)


@dataclass(frozen=True, slots=True)
class Notified:
    """What happens to one alert: who receives it, or what holds it back.

    `silences` hold it back, the last to end first; `inhibited_by` are names of alerts, `muted_by`
    of time intervals. MISSING means that no Alertmanager has the alert; UNKNOWN, that none of those
    which answered has it, and others did not answer.
    """

    delivery: Delivery
    receivers: tuple[str, ...] = ()
    silences: tuple[Silence, ...] = ()
    inhibited_by: tuple[str, ...] = ()
    muted_by: tuple[str, ...] = ()

    @property
    def words(self) -> str:
        """What happens to it: `notifies team-pets`, `silenced`, `inhibited by DiskFull`."""
        match self.delivery:
            case Delivery.NOTIFIED:
                return f"notifies {' and '.join(self.receivers) or 'nobody: it has no receiver'}"
            case Delivery.SILENCED:
                return "silenced"
            case Delivery.INHIBITED:
                return f"inhibited by {' and '.join(self.inhibited_by)}"
            case Delivery.MUTED:
                return f"muted by {' and '.join(self.muted_by)}"
            case Delivery.MISSING:
                return "not in Alertmanager, so nobody is notified"
            case Delivery.UNKNOWN:
                return "not known whether anybody is notified"

    @property
    def is_held_back(self) -> bool:
        """Whether Alertmanager has it, and notifies nobody."""
        return self.delivery in HELD_BACK

    @property
    def until(self) -> int:
        """When the last silence ends, Unix nanoseconds; 0 if it is not silenced."""
        return max((each.ends_at for each in self.silences), default=0)


@dataclass(frozen=True, slots=True)
class Routed:
    """What a site's Alertmanagers say; `failures` are those that did not answer.

    `silences` are by ID, and `by_source` those that each of them knows: they share them within a
    second.
    `unreadable` is how many alerts and silences could not be read.
    """

    known: Notifications
    silences: Mapping[str, Silence] = field(default_factory=dict)
    by_source: Mapping[str, Mapping[str, Silence]] = field(default_factory=dict)
    failures: tuple[SourceFailure, ...] = ()
    unreadable: int = 0

    @property
    def silent(self) -> frozenset[str]:
        """The Alertmanagers that did not answer."""
        return frozenset(each.source for each in self.failures)

    @property
    def is_whole(self) -> bool:
        """Whether all Alertmanagers answered, and all that they said could be read."""
        return not (self.failures or self.unreadable)

    def of(self, alert: Alert) -> Notified | None:
        """Return what happens to an alert; None if it is pending: those are not sent."""
        if alert.state != FIRING:
            return None
        found = self.known.of({ALERTNAME: alert.name, **alert.labels})
        if found is None:
            return Notified(Delivery.MISSING if self.is_whole else Delivery.UNKNOWN)
        silences = [each for name in found.silenced_by if (each := self.silences.get(name))]
        return Notified(
            delivery=_delivery(found),
            receivers=found.receivers,
            silences=tuple(sorted(silences, key=lambda each: -each.ends_at)),
            inhibited_by=self._names(found.inhibited_by),
            muted_by=found.muted_by,
        )

    def held_back(self, alerts: Iterable[Alert]) -> Mapping[Delivery, int]:
        """Count the alerts of which nobody is notified, by what holds them back."""
        found = Counter(each.delivery for each in map(self.of, alerts) if each)
        return {delivery: found[delivery] for delivery in HELD_BACK if found[delivery]}

    def _names(self, fingerprints: Iterable[str]) -> tuple[str, ...]:
        others = map(self.known.fingerprinted, fingerprints)
        return tuple(dict.fromkeys(other.name if other else "another alert" for other in others))


def _delivery(found: Notification) -> Delivery:
    if found.silenced_by:
        return Delivery.SILENCED
    if found.inhibited_by:
        return Delivery.INHIBITED
    return Delivery.MUTED if found.muted_by else Delivery.NOTIFIED


async def routed(site: Site, patience: float) -> Routed | None:
    """Return what the site's Alertmanagers say, None if the site has none.

    It comes from the watcher or, without one, from asking them all for at most `patience` seconds.
    Those that do not answer are `failures`: an alert is shown without them.
    """
    if not site.alertmanager:
        return None
    return await _watched(site) or await ask_all(site, patience)


async def _watched(site: Site) -> Routed | None:
    picture = await pictures.newest(site.name, NOTIFICATIONS.name, NOTIFICATIONS.answer)
    if picture is None:
        return None
    now = timerange.now_ns()
    young = {
        name: each.answer
        for name, each in picture.sources.items()
        if each.answer is not None and each.is_young(now)
    }
    failures = [
        SourceFailure(name, each.error or f"{name} has not answered yet", each.at)
        for name, each in picture.sources.items()
        if name not in young
    ]
    key = ("routed", site, picture.epoch, picture.number, tuple(young))
    return await clients().reads.answer(key, lambda: _joined(young, failures))


async def ask_all(site: Site, patience: float) -> Routed:
    """Ask a site's Alertmanagers now, for at most `patience` seconds."""
    return await _joined(*await ask_each(site, Alertmanager.routing, patience))


async def ask_each(
    site: Site, question: Callable[[Alertmanager], Awaitable[T]], patience: float
) -> tuple[dict[str, T], list[SourceFailure]]:
    """Ask a site's Alertmanagers at once; return the answers by name, and who did not answer."""

    async def ask(name: str) -> T | SourceFailure:
        client = clients().alertmanager(site, site.alertmanager_named(name))
        try:
            async with asyncio.timeout(patience):
                return await question(client)
        except TimeoutError:
            return SourceFailure(name, f"{name} did not answer within {patience:g} s")
        except OpsError as error:
            return SourceFailure(name, str(error))

    names = NOTIFICATIONS.sources(site)
    found = dict(zip(names, await asyncio.gather(*map(ask, names)), strict=True))
    failures = [each for each in found.values() if isinstance(each, SourceFailure)]
    answers = {name: each for name, each in found.items() if not isinstance(each, SourceFailure)}
    return answers, failures


async def _joined(answers: Mapping[str, Routing], failures: Sequence[SourceFailure]) -> Routed:
    every = answers.values()
    by_source = {name: {one.id: one for one in each.silences} for name, each in answers.items()}
    return Routed(
        Notifications(chain.from_iterable(each.notifications for each in every)),
        {key: each for known in by_source.values() for key, each in known.items()},
        by_source,
        tuple(failures),
        sum(each.unreadable for each in every),
    )
