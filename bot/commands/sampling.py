"""Commands about sampling: show it, change it, undo a change; apply or cancel a card."""

from bot.answers.requests import requested_change
from bot.answers.sampling import sampling_change, service_sampling
from bot.commands.arguments import service_and_site, words_and_keys
from bot.errors import MOST_GUESSED, suggestion_reply
from bot.registry import Message, command
from bot.replies import Reply, shortened
from ops.errors import InvalidInput
from ops.requests import actions as requests
from ops.sampling import actions as sampling
from ops.sampling.actions import SamplingChange
from ops.vocabulary.policies import parse_policy

POLICY_WORDS = ("never", "always", "float", "rate")
PAST_CHANGES = 3


@command(
    r"change +sampling(?: +(.+))?",
    "change sampling",
    usage="[SERVICE] never | always | float RATE | PERCENT% [now] [site=NAME]",
    summary="change the share of new traces that is kept, after confirmation",
    examples=(
        "change sampling float 0.1",
        "change sampling petstore 25%",
        "change sampling always now",
        "change sampling never service=petstore",
    ),
    details=(
        "A card asks first. You or an approver can apply it within five minutes.",
        'With "now" the change is made immediately, if the site allows that.',
    ),
    changes=True,
    needs=(sampling.change_policy,),
)
async def change_sampling(message: Message, rest: str) -> Reply:
    """Ask on a card whether to send a policy to all instances of a service; `now` sends it."""
    words, named = words_and_keys(rest, "service", "site")
    at_once = bool(words) and words[-1].lower() == "now"
    if at_once:
        words.pop()
    if "service" not in named and len(words) > 1 and _is_name(words[0]):
        named["service"] = words.pop(0)
    service, site = named.get("service", ""), named.get("site", "")
    policy = parse_policy(" ".join(words))
    done = await requests.ask(
        message.actor, policy=policy, service=service, site=site, at_once=at_once
    )
    if isinstance(done, SamplingChange):
        return sampling_change(done)
    note = 'This site always asks first, even with "now".' if at_once else ""
    return requested_change(done, note)


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
    r"apply(?: +(.+))?",
    "apply",
    usage="CARD",
    summary="make the change on a card",
    examples=("apply 3f9a1c7e2b",),
    details=("The Apply button does the same.",),
    changes=True,
    once=True,
    needs=(sampling.change_policy, sampling.approve_change),
)
async def apply(message: Message, rest: str) -> Reply:
    """Make a card's change, once."""
    return requested_change(await requests.apply(message.actor, key=_key(rest)))


@command(
    r"cancel(?: +(.+))?",
    "cancel",
    usage="CARD",
    summary="dismiss the change on a card",
    examples=("cancel 3f9a1c7e2b",),
    details=("The Cancel button does the same.",),
    changes=True,
    once=True,
    needs=(sampling.change_policy, sampling.approve_change),
)
async def cancel(message: Message, rest: str) -> Reply:
    """Dismiss a card's change."""
    return requested_change(await requests.cancel(message.actor, key=_key(rest)))


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


def _is_name(word: str) -> bool:
    return word[0].isalpha() and word.lower() not in POLICY_WORDS


def _key(rest: str) -> str:
    if not rest:
        raise InvalidInput("which card? Each card shows its own apply and cancel commands")
    return rest.lower()
