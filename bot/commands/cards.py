"""Commands about cards, which ask for a change of sampling: apply it or dismiss it."""

from bot.answers.requests import requested_change
from bot.registry import Message, command
from bot.replies import Reply
from ops.errors import InvalidInput
from ops.language.changes import take_reason
from ops.requests import actions as requests
from ops.sampling import actions as sampling


async def _parse_key(message: Message, rest: str) -> str:
    if not rest or rest.lower() in ("it", "this", "that"):
        raise InvalidInput("which card? Each card shows its own apply and cancel commands")
    return rest.lower()


async def _parse_refusal(message: Message, rest: str) -> tuple[str, str]:
    key, reason = take_reason(rest)
    return await _parse_key(message, key.strip()), reason


@command(
    r"(?:apply|approve)(?: +(.+))?",
    "apply",
    parse=_parse_key,
    usage="CARD",
    summary="apply the change on a card, or approve somebody else's change",
    examples=("apply 3f9a1c7e2b", "approve 3f9a1c7e2b"),
    details=("The Apply or Approve button does the same.",),
    changes=True,
    once=True,
    needs=(sampling.change_policy, sampling.approve_change),
)
async def apply(message: Message, key: str) -> Reply:
    """Make a card's change, once; that approves one which needs approval."""
    return requested_change(await requests.apply(message.actor, key=key))


@command(
    r"(?:cancel|refuse|withdraw)(?: +(.+))?",
    "cancel",
    parse=_parse_refusal,
    usage='CARD [because="REASON"]',
    summary="dismiss the change on a card, or refuse approval",
    examples=("cancel 3f9a1c7e2b", 'refuse 3f9a1c7e2b because="the disk of Jaeger is full"'),
    details=("The Cancel or Refuse button does the same.",),
    changes=True,
    once=True,
    needs=(sampling.change_policy, sampling.approve_change),
)
async def cancel(message: Message, given: tuple[str, str]) -> Reply:
    """Dismiss a card's change; that refuses one which needs approval."""
    key, reason = given
    return requested_change(await requests.cancel(message.actor, key=key, reason=reason))
