"""Actions on the subscriptions of channels, and what these channels should show.

OpsPortal posts in addition to Alertmanager; it does not replace paging.
"""

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace

from ops.actor import Actor
from ops.alerts import actions as alerts
from ops.alerts.fired import Fired
from ops.database import in_database
from ops.errors import InvalidInput, NotSetUp, OpsError
from ops.guard import OPSPORTAL, action
from ops.sites import Site, sites
from ops.sites.subscriptions import CONSOLE, LONGEST_FILTER
from ops.subscriptions import reading, store
from ops.subscriptions.matching import selecting
from ops.subscriptions.messages import (
    AllPosted,
    At,
    Button,
    Detail,
    Feed,
    Feeds,
    Message,
    Posted,
    State,
    Text,
)
from ops.subscriptions.sharing import shared_out
from ops.subscriptions.subscription import (
    NOT_PAGING,
    Channel,
    Subscription,
)
from ops.subscriptions.wanted import wanted as wanted_by
from ops.vocabulary import timerange
from ops.vocabulary.alert_filters import AlertFilter
from ops.vocabulary.quiet_hours import QuietHours

__all__ = [
    "CHANGE",
    "CONSOLE",
    "NOT_PAGING",
    "SUBJECT",
    "AllPosted",
    "At",
    "Button",
    "Channel",
    "Detail",
    "Feed",
    "Feeds",
    "Message",
    "Posted",
    "State",
    "Subscription",
    "SubscriptionList",
    "Text",
    "list_subscriptions",
    "note_channel",
    "note_problem",
    "subscribe",
    "unsubscribe",
    "wanted",
]

CHANGE = "alerts.subscribe"
SUBJECT = "subscriptions"
LONGEST_AGE = timerange.DAY
KEPT = "Give only matchers, a service, a severity or an alert's name"
log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class SubscriptionList:
    """The subscriptions of a site that are in force, by number.

    `known` are the channels that may be subscribed from anywhere: they are subscribed, or were, or
    the bot was mentioned there and they are not shared.
    """

    site: str
    subscriptions: tuple[Subscription, ...]
    known: tuple[Channel, ...] = ()


def _target(*, site: str = "", **_: object) -> str:
    return f"{sites().site(site).name}/subscriptions"


@action("subscriptions.list_subscriptions", permission=alerts.READ)
async def list_subscriptions(actor: Actor, *, site: str = "") -> SubscriptionList:
    """Return which channels are subscribed to which alerts."""
    where, now = sites().site(site), timerange.now_ns()

    def read() -> SubscriptionList:
        return SubscriptionList(where.name, _in_force(where, now), store.known())

    return await in_database(read)


@action("subscriptions.subscribe", permission=CHANGE, audit=True, target=_target, changes=SUBJECT)
async def subscribe(
    actor: Actor,
    *,
    channel: Channel,
    filter: AlertFilter = AlertFilter(),
    quiet: QuietHours | None = None,
    minimum_age: int = 0,
    site: str = "",
) -> Subscription:
    """Subscribe a channel to the alerts that a filter selects, from now on.

    An alert is posted once it has been firing for `minimum_age` nanoseconds; in quiet hours nothing
    new is. Raises InvalidInput for a filter with anything but words and matchers, or a channel that
    others can read, Conflict if the channel is already subscribed to the same alerts.
    """
    where = sites().site(site or filter.site)
    if not where.prometheus:
        raise NotSetUp(f'site "{where.name}" has no Prometheus, so it has no alerts')
    await _check(channel)
    if not 0 <= minimum_age <= LONGEST_AGE:
        raise InvalidInput("an alert can be posted at most 24 h after it started firing")
    wish = Subscription(
        id=0,
        number=0,
        site=where.name,
        team=channel.team,
        channel=channel.id,
        channel_name=channel.name,
        filter=await _line(actor, where, filter),
        quiet=quiet,
        minimum_age=minimum_age,
        made_by=actor.name,
        made_at=timerange.now_ns(),
    )
    return await in_database(store.add, wish)


@action("subscriptions.unsubscribe", permission=CHANGE, audit=True, target=_target, changes=SUBJECT)
async def unsubscribe(actor: Actor, *, number: int, site: str = "") -> Subscription:
    """End a subscription; raises NotFound, or Conflict for one of the site file."""
    where = sites().site(site)
    return await in_database(store.end, where.name, number, actor.name, timerange.now_ns())


@action("subscriptions.note_channel", permission=OPSPORTAL, changes=SUBJECT)
async def note_channel(actor: Actor, *, channel: Channel) -> None:
    """Note a channel in which the bot was mentioned, of which Slack says whether it is shared."""
    await in_database(store.note_channel, channel, timerange.now_ns())


@action("subscriptions.note_problem", permission=OPSPORTAL, changes=SUBJECT)
async def note_problem(actor: Actor, *, id: int, problem: str) -> None:
    """Note why nothing can be posted to a subscription's channel, "" if it can."""
    await in_database(store.note_problem, id, problem[:300])


@action("subscriptions.wanted", permission=OPSPORTAL)
async def wanted(actor: Actor, *, posted: AllPosted, console: bool = False) -> Feeds:
    """Return what the channels of all sites should show now, given what was posted before.

    A caller tells of every message that it has claimed and that was not final yet. It may ask as
    often as it likes: what fired is read again only if that has changed. `console` asks for the
    subscriptions of the console instead of Slack's.
    """
    every = list(sites().all.values())
    found = await asyncio.gather(
        *(_of_site(site, posted, console) for site in every), return_exceptions=True
    )
    feeds: list[Feed] = []
    failed: dict[str, str] = {}
    for site, each in zip(every, found, strict=True):
        if isinstance(each, OpsError):
            failed[site.name] = str(each)
        elif isinstance(each, BaseException):
            raise each
        else:
            feeds += each
    return Feeds(tuple(feeds), failed)


async def _of_site(site: Site, posted: AllPosted, console: bool) -> list[Feed]:
    now = timerange.now_ns()
    subscriptions = [
        each
        for each in await in_database(_in_force, site, now)
        if (each.channel == CONSOLE) == console
    ]
    if not subscriptions:
        return []
    theirs = [each for one in subscriptions for each in posted.get(one.id, ())]
    fired, around = await reading.read(site, theirs, now)

    def feeds() -> list[Feed]:
        told: dict[int, Sequence[Fired]] = {}
        for channel in {each.channel for each in subscriptions}:
            own = [each for each in subscriptions if each.channel == channel]
            told |= shared_out(own, {each.id: selecting(site, each, fired) for each in own}, posted)
        return [
            wanted_by(each, told[each.id], around, posted.get(each.id, ()), now)
            for each in subscriptions
        ]

    return await asyncio.to_thread(feeds)


async def _check(channel: Channel) -> None:
    """Raise InvalidInput if the channel must not be subscribed, or nothing is known of it."""
    if channel.shared is None:
        channel = replace(channel, shared=await in_database(store.is_shared, channel.id))
    channel.check()
    if channel.shared is None:
        raise InvalidInput(
            "it is not known who can read this channel: mention the bot there with "
            '"alerts subscribe"'
        )


def _in_force(site: Site, now: int) -> tuple[Subscription, ...]:
    fixed = [
        Subscription(
            id=0,
            number=0,
            site=site.name,
            team=each.team,
            channel=each.channel,
            channel_name=each.name,
            filter=each.filter,
            quiet=each.quiet,
            minimum_age=each.minimum_age,
            made_at=now,
            fixed=True,
        )
        for each in site.subscriptions
    ]
    store.set_fixed(site.name, fixed, now)
    return store.in_force(site.name)


async def _line(actor: Actor, site: Site, filter: AlertFilter) -> str:
    """Return the filter as matchers alone, as it is understood now."""
    if filter.words:
        asked = AlertFilter(filter.matchers, words=filter.words, site=site.name)
        filter = (await alerts.list_alerts(actor, filter=asked)).filter
    if filter != AlertFilter(matchers=filter.matchers, site=filter.site):
        raise InvalidInput(f"a channel gets firing alerts, whatever their age. {KEPT}")
    line = str(AlertFilter(matchers=filter.matchers))
    if len(line) > LONGEST_FILTER:
        raise InvalidInput(
            f"the filter has {len(line):,} characters; the limit is {LONGEST_FILTER:,}"
        )
    return line
