"""Commands about sampling: show it, change it, end or undo a change; apply or cancel a card."""

import re
from collections.abc import Mapping
from datetime import UTC

from bot.answers.requests import requested_change
from bot.answers.sampling import sampling_change, sampling_history, service_sampling
from bot.commands.arguments import service_and_site, words_and_keys
from bot.errors import MOST_GUESSED, suggestion_reply
from bot.registry import Message, command
from bot.replies import Reply, shortened
from ops.errors import InvalidInput
from ops.requests import actions as requests
from ops.requests.actions import RequestedChange
from ops.sampling import actions as sampling
from ops.sampling import terms
from ops.sampling.actions import SamplingChange
from ops.sampling.terms import PERMANENT, Term
from ops.vocabulary import timerange
from ops.vocabulary.policies import NEVER, parse_policy, take_operations

POLICY_WORDS = ("never", "always", "float", "rate")
PAST_CHANGES = 3
HISTORY = 10
PATIENCE = 1.5  # seconds to wait for the volume: the card is what matters
_ALWAYS_ASKS = 'This site always asks first, even with "now".'
_REASON = re.compile(r"(?:^|\s)because\s*=?\s*(?:[\"“”]([^\"“”]*)[\"“”]|(.*))", re.IGNORECASE)
_TO = re.compile(r"(?:^|\s)to[ =]+([0-9]{1,18})(?=\s|$)", re.IGNORECASE)
_FOR = re.compile(r"(?:^|\s)for[ =]([0-9]+[a-z]+)(?=\s|$)", re.IGNORECASE)


@command(
    r"change +sampling(?: +(.+))?",
    "change sampling",
    usage=(
        '[SERVICE] never | always | float RATE | PERCENT% ["OPERATION"=RATE] '
        '[for=15m | until=18:00 | permanent] [because="REASON"] [now] [site=NAME]'
    ),
    summary="change the share of new traces that is kept, after confirmation",
    examples=(
        "change sampling float 0.1",
        'change sampling petstore 100% for=15m because="SlowSearch since 1.3.0"',
        "change sampling petstore always until=18:00",
        'change sampling petstore 10% "GET /health"=0.1%',
        "change sampling always now",
        "change sampling never service=petstore",
    ),
    details=(
        "A card asks first. You or an approver can apply it within five minutes.",
        "A raise ends after 30 minutes unless you say for how long, until when (in UTC), or "
        '"permanent". Then the service returns to its permanent sampling; if it has none, say what '
        "follows: for=15m then=10%.",
        'With "now" the change is made immediately, if the site allows that.',
        "Operations can have a rate of their own if all instances of the service ask for their "
        "sampling. Agents that can do one rate only refuse such a change.",
        "Above the service's ceiling, somebody else has to approve it within ten minutes.",
    ),
    changes=True,
    needs=(sampling.change_policy,),
)
async def change_sampling(message: Message, rest: str) -> Reply:
    """Ask on a card whether to set a service's policy; `now` sets it."""
    return await _asked(message, *_reason(rest))


@command(
    r"sampling +off(?: +(.+))?",
    "sampling off",
    usage='[SERVICE] [for=15m | until=18:00] [because="REASON"] [site=NAME]',
    summary="keep no new traces of a service, after confirmation",
    examples=("sampling off petstore", "sampling off petstore for=1h"),
    changes=True,
    needs=(sampling.change_policy,),
)
async def sampling_off(message: Message, rest: str) -> Reply:
    """Ask on a card whether to keep no traces."""
    given, reason = _reason(rest)
    return await _asked(message, f"{given} {NEVER}", reason)


@command(
    r"revert +sampling(?: +(.+))?",
    "revert sampling",
    usage='[SERVICE] [to REVISION] [because="REASON"] [now] [site=NAME]',
    summary="end a change that has an end now, or go back to a revision, after confirmation",
    examples=(
        "revert sampling petstore",
        "revert sampling petstore to 12",
        "revert sampling petstore now",
    ),
    details=(
        "The numbers of the revisions are in sampling history. What a revision set is set again, "
        "for as long as it was set for; that is a new revision.",
    ),
    changes=True,
    needs=(sampling.change_policy,),
)
async def revert_sampling(message: Message, rest: str) -> Reply:
    """Ask on a card whether to return to the permanent policy, or to what a revision set.

    `now` returns to it.
    """
    given, reason = _reason(rest)
    revision = _TO.search(given)
    words = _TO.sub(" ", given).split()
    at_once = _taken(words, "now")
    service, site = service_and_site(" ".join(words))
    done = await requests.ask_revert(
        message.actor,
        service=service,
        site=site,
        revision=int(revision[1]) if revision else 0,
        reason=reason,
        at_once=at_once,
    )
    if isinstance(done, SamplingChange):
        return sampling_change(done)
    return requested_change(done, _note(done, at_once))


@command(
    r"sampling +history(?: +(.+))?",
    "sampling history",
    usage="[SERVICE] [site=NAME]",
    summary="show the last changes of sampling: who, when, why, until when",
    examples=("sampling history petstore",),
    needs=(sampling.changes,),
)
async def show_history(message: Message, rest: str) -> Reply:
    """Show the last changes, each with a way back to it."""
    service, site = service_and_site(rest)
    now = await sampling.current(message.actor, service=service, site=site, patience=0)
    found = await sampling.changes(message.actor, service=now.service, site=now.site, limit=HISTORY)
    return sampling_history(now, found)


@command(
    r"undo +sampling(?: +(.+))?",
    "undo sampling",
    usage="[SERVICE] [site=NAME]",
    summary="restore the last policy that was in force, after confirmation",
    examples=("undo sampling", "undo sampling petstore"),
    changes=True,
    needs=(sampling.change_policy,),
)
async def undo_sampling(message: Message, rest: str) -> Reply:
    """Ask on a card whether to restore the last policy that was in force."""
    service, site = service_and_site(rest)
    asked = await requests.ask_undo(message.actor, service=service, site=site)
    return requested_change(asked)


@command(
    r"(?:apply|approve)(?: +(.+))?",
    "apply",
    usage="CARD",
    summary="make the change on a card, or approve the change of somebody else",
    examples=("apply 3f9a1c7e2b", "approve 3f9a1c7e2b"),
    details=("The Apply or Approve button does the same.",),
    changes=True,
    once=True,
    needs=(sampling.change_policy, sampling.approve_change),
)
async def apply(message: Message, rest: str) -> Reply:
    """Make a card's change, once; that approves one which needs approval."""
    return requested_change(await requests.apply(message.actor, key=_key(rest)))


@command(
    r"(?:cancel|refuse|withdraw)(?: +(.+))?",
    "cancel",
    usage='CARD [because="REASON"]',
    summary="dismiss the change on a card, or refuse to approve it",
    examples=("cancel 3f9a1c7e2b", 'refuse 3f9a1c7e2b because="the disk of Jaeger is full"'),
    details=("The Cancel or Refuse button does the same.",),
    changes=True,
    once=True,
    needs=(sampling.change_policy, sampling.approve_change),
)
async def cancel(message: Message, rest: str) -> Reply:
    """Dismiss a card's change; that refuses one which needs approval."""
    key, reason = _reason(rest)
    done = await requests.cancel(message.actor, key=_key(key.strip()), reason=reason)
    return requested_change(done)


@command(
    r"(?:show +)?sampling(?: +(.+))?",
    "sampling",
    usage="[SERVICE] [site=NAME]",
    summary="show the share of new traces that is kept, and the last changes",
    examples=("sampling", "sampling petstore"),
    needs=(sampling.current,),
)
async def show_sampling(message: Message, rest: str) -> Reply:
    """Show the policy last sent to each instance, and the last changes."""
    if not all(map(_is_name, rest.split())):
        line = f"change sampling {rest}"
        form = InvalidInput(f'to change sampling, write "{shortened(line, MOST_GUESSED)}"')
        return suggestion_reply(form, line)
    service, site = service_and_site(rest)
    found = await sampling.current(message.actor, service=service, site=site)
    changes = await sampling.changes(
        message.actor, service=found.service, site=found.site, limit=PAST_CHANGES
    )
    back = await sampling.undo_policy(message.actor, service=found.service, site=found.site)
    return service_sampling(found, changes, back)


async def _asked(message: Message, given: str, reason: str) -> Reply:
    """Ask for a change, given the words without the reason."""
    given, shares = take_operations(_FOR.sub(r" for=\1", given))
    words, named = words_and_keys(given, "service", "site", "for", "until", "then")
    at_once = _taken(words, "now")
    permanent = _taken(words, "permanent")
    if "service" not in named and len(words) > 1 and _is_name(words[0]):
        named["service"] = words.pop(0)
    policy = parse_policy(" ".join(words)).by_operation(shares)
    service, site = named.get("service", ""), named.get("site", "")
    now = await sampling.current(message.actor, service=service, site=site)
    done = await (requests.change_or_ask if at_once else requests.ask)(
        message.actor,
        policy=policy,
        service=now.service,
        site=now.site,
        term=_term(named, permanent) or terms.usual(now.baseline, policy),
        reason=reason,
        then=parse_policy(named["then"]) if "then" in named else None,
    )
    if isinstance(done, SamplingChange):
        return sampling_change(done)
    volume = await sampling.forecast(
        message.actor, policy=policy, service=now.service, site=now.site, patience=PATIENCE
    )
    return requested_change(done, _note(done, at_once), volume)


def _note(done: RequestedChange, at_once: bool) -> str:
    """Say why there is a card in spite of `now`; one that needs approval says so itself."""
    return _ALWAYS_ASKS if at_once and not done.over else ""


def _term(named: Mapping[str, str], permanent: bool) -> Term | None:
    """Return how long the change is to last, None if nobody says."""
    if sum((permanent, "for" in named, "until" in named)) > 1:
        raise InvalidInput('say one of for=15m, until=18:00 and "permanent"')
    if "for" in named:
        return Term(timerange.parse_duration(named["for"]))
    if "until" in named:
        return Term(end=terms.parse_end(named["until"], timerange.now_ns(), UTC))
    return PERMANENT if permanent else None


def _reason(rest: str) -> tuple[str, str]:
    """Take `because="…"` or `because …` from a line; the quotes may be Slack's."""
    found = _REASON.search(rest)
    if not found:
        return rest, ""
    quoted = found[1] is not None
    left = rest[: found.start()] + (rest[found.end() :] if quoted else "")
    return left, " ".join((found[1] if quoted else found[2]).split())


def _taken(words: list[str], word: str) -> bool:
    """Remove a word from a line's words; returns whether it was there."""
    there = [each for each in words if each.lower() == word]
    for each in there:
        words.remove(each)
    return bool(there)


def _is_name(word: str) -> bool:
    return word[0].isalpha() and word.lower() not in POLICY_WORDS


def _key(rest: str) -> str:
    if not rest:
        raise InvalidInput("which card? Each card shows its own apply and cancel commands")
    return rest.lower()
