"""Commands about subscribed channels: subscribe one, list them, end a subscription."""

import re
from dataclasses import dataclass, replace

from bot.answers.subscriptions import ended, subscribed, subscription_list
from bot.commands.alerts import parse_known_filter
from bot.commands.arguments import parse_site, words_and_keys
from bot.commands.guesses import guess_of
from bot.commands.reads import elsewhere, names_for, read_site, take_name, words_left
from bot.intents import Intent, Thing
from bot.registry import Message, command
from bot.replies import Reply
from ops.errors import InvalidInput, NotFound
from ops.language.lines import normal, some, words
from ops.language.names import Kind
from ops.language.reading import Reading
from ops.overview import actions as overview
from ops.subscriptions import actions as subscriptions
from ops.subscriptions.actions import CONSOLE, Channel
from ops.vocabulary.alert_filters import AlertFilter, parse_filter
from ops.vocabulary.quiet_hours import FORM, QuietHours, parse_quiet_hours
from ops.vocabulary.texts import shortened
from ops.vocabulary.timerange import parse_duration

_KEY = r'(?:^|(?<=\s)){}=(?:"([^"]*)"|(\S*))'
_QUIET = re.compile(_KEY.format("quiet"), re.IGNORECASE)
_AFTER = re.compile(_KEY.format("after"), re.IGNORECASE)
_SAID = some(
    "subscribe subscribed channel this to here tell notify us me post send posting keep about hear"
)
_ENDS = ("alert", "alerts", "number", "subscription", "unsubscribe", "stop", "posting", "end")
_CHANNEL = re.compile(r"#[^\s#?!.,]*[^\W\d][^\s#?!.,]*")  # not "#12"
_NUMBER = re.compile(r"#?([0-9]{1,9})", re.ASCII)
_SYMBOL = re.compile(r"[^\w\s!-~]")  # such as an emoji: neither a word nor ASCII
_WHICH = "which subscription? Give its number; alerts subscriptions lists them"


@dataclass(frozen=True, slots=True)
class Wish:
    """What to post in a channel: which alerts, from which age (nanoseconds), and when not."""

    filter: AlertFilter
    minimum_age: int = 0
    quiet: QuietHours | None = None


async def _parse_wish(message: Message, rest: str) -> Wish:
    """Read a filter in the strict form or in people's own words, and when to post."""
    line, quiet = _taken(_QUIET, rest)
    line, after = _taken(_AFTER, line)
    wish = Wish(
        await _filter(message, line),
        0 if after is None else parse_duration(after),
        None if quiet is None else parse_quiet_hours(quiet, message.zone.key),
    )
    if wish.filter.states == ("firing",):  # only firing alerts are posted anyway
        return replace(wish, filter=replace(wish.filter, states=()))
    return wish


async def _filter(message: Message, line: str) -> AlertFilter:
    try:
        return await parse_known_filter(message, line)
    except InvalidInput:
        found = await overview.read_alert_filter(message.actor, text=line, clock=message.clock)
        # Alerts that nobody meant would be posted for a long time.
        if found.left_out or _is_unread(found, line):
            raise
        return parse_filter(found.line)


async def _read_wish(message: Message, text: str) -> Reading:
    """Read the filter in people's own words, beside the keys."""
    line, quiet = _taken(_QUIET, text)
    line, after = _taken(_AFTER, line)
    others = [each for each in line.split() if _CHANNEL.fullmatch(each)]
    said = " ".join(
        each for each in line.split() if each.lower() not in _SAID and each not in others
    )
    found = await overview.read_alert_filter(message.actor, text=said, clock=message.clock)
    if others:
        whole = f"alerts subscribe {found.line}".strip()
        raise InvalidInput(f'a channel is subscribed where it is written: "{whole}" in {others[0]}')
    if _is_unread(found, said):
        raise InvalidInput(f'nothing is known as "{shortened(said, 80)}"')
    keys = (
        "" if after is None else f"after={after}",
        "" if quiet is None else f'quiet="{quiet}"',
    )
    return replace(found, line=" ".join(filter(None, (found.line, *keys))), exact=False)


def _is_unread(found: Reading, text: str) -> bool:
    """Return whether nothing was read in a text of symbols, which does not mean all alerts."""
    return not found.line and _SYMBOL.search(text) is not None


def _taken(key: re.Pattern[str], line: str) -> tuple[str, str | None]:
    """Return a line without a key, and its value, None if the key is not there."""
    found = key.search(line)
    if found is None:
        return line, None
    rest = f"{line[: found.start()]}{line[found.end() :]}".strip()
    if key.search(rest):
        raise InvalidInput(f'"{found[0].partition("=")[0]}" is given twice')
    return rest, found[1] if found[1] is not None else found[2]


async def _read_number(message: Message, text: str) -> Reading:
    """Read the number of a subscription; without one, guess those of the channel."""
    found = words(normal(text))
    plain = [each for each in found if not (each.operator or each.flag)]
    numbers = [each for each in plain if _NUMBER.fullmatch(each.text)]
    names = await names_for(message)
    site, left = take_name([each for each in found if each not in numbers], names, Kind.SITE)
    left = tuple(each for each in left if each.small not in (*_SAID, *_ENDS))
    where = elsewhere(names, site)
    if len(numbers) == 1:
        return Reading(f"{numbers[0].text}{where}", words_left(left))
    listed = await subscriptions.list_subscriptions(message.actor, site=site.name if site else "")
    here = _channel(message).id
    own = [each for each in listed.subscriptions if each.channel == here and not each.fixed]
    if not own:
        raise NotFound("this channel is not subscribed; alerts subscriptions lists those that are")
    lines = (f"{each.number}{where}" for each in own)
    why = shortened(f"this channel hears of {own[0].what}", 200)
    return guess_of(lines, words_left(left), why, _WHICH)


async def _parse_number(message: Message, rest: str) -> tuple[int, str]:
    given, named = words_and_keys(rest, "site")
    found = _NUMBER.fullmatch(given[0]) if len(given) == 1 else None
    if found is None:
        raise InvalidInput(_WHICH)
    return int(found[1]), named.get("site", "")


def _channel(message: Message) -> Channel:
    """Return the channel in which a message was written."""
    if not message.event:
        return Channel(CONSOLE, shared=False)
    shared = message.event.get("is_ext_shared_channel")
    return Channel(
        str(message.event.get("channel", "")),
        str(message.event.get("team") or ""),
        shared=shared if isinstance(shared, bool) else None,
    )


@command(
    r"(?:alerts? +)?subscribe(?: +(?:to +)?(.+))?",
    "alerts subscribe",
    parse=_parse_wish,
    read=_read_wish,
    intent=Intent(
        surely="subscribe, subscribe channel, tell channel, tell about alerts, notify channel, "
        "notify about alerts, alert channel, send here, post here, tell here, alerts here, "
        "tell us about, tell me about, let us know, let me know, keep posted, hear of alerts",
        perhaps="channel, here, alerts, alert, notify",
        about=(Thing.SERVICE, Thing.SEVERITY, Thing.ALERT, Thing.SITE),
    ),
    usage=f'[FILTER] [after=2m] [quiet="{FORM}"] [site=NAME]',
    summary="post alerts to this channel: one message per group, updated as things change",
    examples=(
        'alerts subscribe severity=~"critical|page" service=petstore',
        f'alerts subscribe critical after=2m quiet="{FORM}"',
    ),
    details=(
        "The filter is as for alerts. With after=2m, alerts that resolve within 2 minutes are not "
        "posted.",
        "In quiet hours nothing new is posted; alerts that are still firing afterwards are.",
        subscriptions.NOT_PAGING + ".",
    ),
    changes=True,
    needs=(subscriptions.subscribe,),
)
async def subscribe(message: Message, wish: Wish) -> Reply:
    """Subscribe the channel that the message is in."""
    made = await subscriptions.subscribe(
        message.actor,
        channel=_channel(message),
        filter=wish.filter,
        quiet=wish.quiet,
        minimum_age=wish.minimum_age,
        site=wish.filter.site,
    )
    return subscribed(made)


@command(
    r"(?:(?:show|list) +)?(?:alerts? +)?subscriptions?(?: +(.+))?",
    "alerts subscriptions",
    parse=parse_site,
    read=read_site,
    intent=Intent(
        surely="subscriptions, subscription, subscribed, which channels, what channels",
        perhaps="channels, channel",
        about=(Thing.SITE,),
    ),
    usage="[site=NAME]",
    summary="list the channels that are subscribed to alerts",
    examples=("alerts subscriptions",),
    needs=(subscriptions.list_subscriptions,),
)
async def list_subscriptions(message: Message, site: str) -> Reply:
    """List which channels are subscribed to which alerts."""
    found = await subscriptions.list_subscriptions(message.actor, site=site)
    return subscription_list(found, _channel(message).id)


@command(
    r"(?:alerts? +)?unsubscribe(?: +(.+))?",
    "alerts unsubscribe",
    parse=_parse_number,
    read=_read_number,
    intent=Intent(
        surely="unsubscribe, end subscription, stop subscription, cancel subscription, "
        "delete subscription, remove subscription, stop posting, stop telling, stop alerts here, "
        "stop sending, stop here, no more alerts here, stop spamming, stop messages",
    ),
    usage="NUMBER [site=NAME]",
    summary="end a subscription, by the number that alerts subscriptions shows",
    examples=("alerts unsubscribe 2",),
    changes=True,
    once=True,
    needs=(subscriptions.unsubscribe,),
)
async def unsubscribe(message: Message, given: tuple[int, str]) -> Reply:
    """End a subscription of any channel."""
    number, site = given
    done = await subscriptions.unsubscribe(message.actor, number=number, site=site)
    return ended(done, _channel(message).id)
