"""Commands about silences: list them, silence alerts, let a silence end later, or now."""

from dataclasses import dataclass

from bot.answers.silences import made_silence, question, silence_list
from bot.commands.arguments import Where, words_and_keys
from bot.registry import Message, command
from bot.replies import Reply
from ops.alerts import actions as alerts
from ops.errors import InvalidInput
from ops.language.changes import take_reason, take_term
from ops.language.times import Clock, Spoken
from ops.silences import actions as silences
from ops.vocabulary import timerange
from ops.vocabulary.alert_filters import AlertFilter, parse_filter
from ops.vocabulary.matchers import Matcher
from ops.vocabulary.timerange import HOUR

CONFIRM = "confirm"
_KEPT = "Give only matchers, an alert, a service or a severity, then how long: for=1h"


@dataclass(frozen=True, slots=True)
class Wish:
    """What to silence until when (Unix nanoseconds), and why; `confirmed` makes it."""

    matchers: tuple[Matcher, ...]
    ends_at: int
    reason: str
    site: str
    confirmed: bool


@dataclass(frozen=True, slots=True)
class Which:
    """A silence by its ID, and when it is to end (Unix nanoseconds)."""

    key: str
    ends_at: int
    site: str


async def _parse_site(message: Message, rest: str) -> str:
    words, named = words_and_keys(rest, "site")
    if words:
        raise InvalidInput(f'unknown word "{words[0][:80]}"; accepted: site=NAME')
    Where(site=named.get("site", "")).check()
    return named.get("site", "")


async def _parse_wish(message: Message, rest: str) -> Wish:
    given, reason = take_reason(rest, message.clock)
    given, said = take_term(given, message.clock)
    words = given.split()
    confirmed = CONFIRM in words
    filter = parse_filter(" ".join(word for word in words if word != CONFIRM))
    if filter != AlertFilter(matchers=filter.matchers, words=filter.words, site=filter.site):
        raise InvalidInput(_KEPT)
    if not (filter.matchers or filter.words):
        raise InvalidInput(f"which alerts? {_KEPT}")
    if filter.words:
        filter = (await alerts.list_alerts(message.actor, filter=filter)).filter
    if filter.words or filter.states:
        raise InvalidInput(_KEPT)
    ends_at = _end(said, message.clock, message.clock.now + HOUR)
    return Wish(filter.matchers, ends_at, reason, filter.site, confirmed)


async def _parse_which(message: Message, rest: str) -> Which:
    given, said = take_term(rest, message.clock)
    words, named = words_and_keys(given, "site")
    if len(words) != 1:
        raise InvalidInput("which silence? Give the ID of one; silences lists them")
    ends_at = _end(said, message.clock, 0)
    return Which(words[0], ends_at, named.get("site", ""))


def _end(said: Spoken | None, clock: Clock, usual: int) -> int:
    """Return when a silence ends: Unix nanoseconds."""
    if said is None:
        return usual
    key, _, value = said.text.partition("=")
    if key == "for":
        return clock.now + timerange.parse_duration(value)
    if key == "until":
        return timerange.parse_moment(value).at(clock.now)
    raise InvalidInput("a silence must end: write for=1h or until=18:00")


@command(
    r"(?:(?:show|list) +)?silences(?: +(.+))?",
    "silences",
    parse=_parse_site,
    usage="[site=NAME]",
    summary="list silences: who made them, until when, how many alerts they hide",
    examples=("silences",),
    needs=(silences.list_silences,),
)
async def list_silences(message: Message, site: str) -> Reply:
    """List the silences that are in force or planned."""
    return silence_list(await silences.list_silences(message.actor, site=site))


@command(
    r"silence(?: +(.+))?",
    "silence",
    parse=_parse_wish,
    usage='ALERT or LABEL="VALUE" … [for=1h | until=18:00] [because="REASON"] [site=NAME]',
    summary="silence alerts for a while, after a look at what that hides",
    examples=(
        'silence QueueDeep for=1h because="known, DB-212"',
        'silence alertname=SlowRequests instance=~"petstore-.*" until=18:00',
    ),
    details=(
        "The answer shows which alerts that hides now. Its button makes the silence.",
        "A silence lasts an hour unless you say for how long. Over 24 hours it needs a reason.",
    ),
    changes=True,
    needs=(silences.create_silence,),
)
async def silence(message: Message, wish: Wish) -> Reply:
    """Show what a silence would hide; with `confirm`, make it."""
    if not wish.confirmed:
        found = await silences.preview_silence(
            message.actor, matchers=wish.matchers, site=wish.site
        )
        return question(found, wish.ends_at, wish.reason)
    return made_silence(
        await silences.create_silence(
            message.actor,
            matchers=wish.matchers,
            ends_at=wish.ends_at,
            comment=wish.reason,
            confirmed=True,
            site=wish.site,
        )
    )


@command(
    r"extend +silence(?: +(.+))?",
    "extend silence",
    parse=_parse_which,
    usage="ID [for=1h | until=18:00] [site=NAME]",
    summary="let a silence end an hour from now, or at another time",
    examples=("extend silence 65d7b155-e09f-4ee2-bc6b-0fb5f29b8553 for=2h",),
    changes=True,
    needs=(silences.extend_silence,),
)
async def extend_silence(message: Message, which: Which) -> Reply:
    """Move the end of a silence."""
    ends_at = which.ends_at or message.clock.now + HOUR
    return made_silence(
        await silences.extend_silence(
            message.actor, key=which.key, ends_at=ends_at, site=which.site
        )
    )


@command(
    r"end +silence(?: +(.+))?",
    "end silence",
    parse=_parse_which,
    usage="ID [site=NAME]",
    summary="end a silence now",
    examples=("end silence 65d7b155-e09f-4ee2-bc6b-0fb5f29b8553",),
    changes=True,
    once=True,
    needs=(silences.end_silence,),
)
async def end_silence(message: Message, which: Which) -> Reply:
    """End a silence: its alerts notify again."""
    done = await silences.end_silence(message.actor, key=which.key, site=which.site)
    return made_silence(done, ended=True)
