"""Sampling changes that wait on a card until someone applies them.

A card is a row in the database, so it survives a restart. The first click that claims it makes
the change, once, however often and wherever the card is clicked. The person who asked can
apply it, and so can an approver; the guard decides. The audit log records both of them.
"""

import json
import logging
from collections.abc import Awaitable, Callable
from typing import Any

from django.db import Error
from django.utils import timezone

from bot import card_records
from bot.answers.phrases import count, elsewhere
from bot.answers.sampling import sampling_change, undo
from bot.answers.times import at
from bot.errors import error_reply
from bot.links import page
from bot.models import CardState, ChangeCard
from bot.replies import FollowUp, Reply, Row, Sentence
from ops.actor import Actor
from ops.database import in_database
from ops.errors import (
    Conflict,
    InvalidInput,
    NotConfirmed,
    NotFound,
    NotPermitted,
    OpsError,
)
from ops.guard import check
from ops.sampling import actions as sampling
from ops.sampling.actions import SamplingChange, ServiceSampling
from ops.vocabulary.policies import ALWAYS, NEVER, Policy, Strategy

OWN = "sampling.change_policy"
OTHERS = "sampling.approve_change"
_ACTIONS: dict[str, Callable[..., Awaitable[SamplingChange]]] = {
    OWN: sampling.change_policy,
    OTHERS: sampling.approve_change,
}
_NOTHING_DONE = (InvalidInput, NotFound, NotPermitted, Conflict)
log = logging.getLogger(__name__)


async def propose(actor: Actor, policy: Policy, service: str, site: str, note: str = "") -> Reply:
    """Ask on a card whether to make a change; raises OpsError if nobody could apply it."""
    await check(actor, OWN, policy=policy, service=service, site=site)
    before = await sampling.current(actor, service=service, site=site)
    if not before.instances:
        raise Conflict(
            f'there is nothing to change: service "{before.service}" of site "{before.site}" '
            "has no instances; name them in the site file as instances or dns"
        )
    card = await in_database(card_records.ask, actor, before, policy, timezone.now())
    minutes = card_records.LIFE.seconds // 60
    return Reply(
        f"Change {_what(card)}?",
        notes=(
            *((note,) if note else ()),
            f"{_effect(before, policy)}.",
            Sentence(
                f"Requested by {card.asker}; open for {minutes} minutes, until ",
                at(card.expires),
                ".",
            ),
            f"Or write: apply {card.key}, cancel {card.key}",
        ),
        follow_ups=(
            FollowUp("Apply", f"apply {card.key}", "primary"),
            FollowUp("Cancel", f"cancel {card.key}"),
        ),
        card=card.key,
    )


async def apply(actor: Actor, key: str) -> Reply:
    """Make the change of an open card; returns the card's result.

    Raises NotPermitted, InvalidInput or NotFound.
    """
    card = await _pressed(actor, key)
    if not await in_database(
        card_records.decide, key, CardState.APPLYING, actor.name, timezone.now()
    ):
        return await _decided(key)
    state, outcome = await _made(actor, card)
    card.state, card.result = state, _written(card, outcome)
    card.decided_by, card.decided_at = actor.name, timezone.now()
    try:
        await in_database(card_records.finish, key, state, card.result, timezone.now())
    except Error:
        log.exception("the result of card %s could not be recorded", key)
    return face(card)


async def cancel(actor: Actor, key: str) -> Reply:
    """Dismiss an open card; returns the card's result. Raises the same errors as apply."""
    await _pressed(actor, key)
    await in_database(card_records.decide, key, CardState.CANCELLED, actor.name, timezone.now())
    return await _decided(key)


def face(card: ChangeCard) -> Reply:
    """Return what a decided card's message says: who decided, when, and the result."""
    then = (" at ", at(card.decided_at)) if card.decided_at else ()
    by = (f" by {card.decided_by}", *then, f", requested by {card.asker}")
    outcome = json.loads(card.result) if card.result else {}
    look = FollowUp("Sampling", f"sampling {card.service} site={card.site}")
    match card.state:
        case CardState.APPLYING:
            return Reply(f"{card.decided_by} is applying: {_what(card)} …", card=card.key)
        case CardState.CANCELLED if not card.decided_by:
            return Reply(
                f"Withdrawn, nothing was changed: {_what(card)}",
                notes=(f"{card.asker} asked, but no longer has an account here",),
                failed=True,
                card=card.key,
            )
        case CardState.CANCELLED:
            return Reply(Sentence("Cancelled", *by, f": {_what(card)}"), card=card.key)
        case CardState.EXPIRED:
            return Reply(
                f"Expired, nothing was changed: {_what(card)}",
                notes=(
                    Sentence(f"{card.asker} asked; nobody applied it before ", at(card.expires)),
                ),
                failed=True,
                card=card.key,
            )
        case CardState.APPLIED | CardState.FAILED if outcome:
            return Reply(
                outcome["summary"],
                rows=tuple(Row(tuple(cells), tuple(below)) for cells, below in outcome["rows"]),
                notes=(Sentence(_DONE[CardState(card.state)], *by), *outcome["notes"]),
                links=page("sampling", "sampling", card.site),
                failed=outcome["failed"],
                follow_ups=undo(card.service, card.site) if outcome.get("undo") else (),
                card=card.key,
            )
    return Reply(
        f"We don't know whether this change was made: {_what(card)}",
        notes=(
            Sentence("Applied", *by, "; no result was recorded, and it will not be repeated"),
            f"Check with: {look.line}; the audit log shows what was started",
            *outcome.get("notes", ()),
        ),
        follow_ups=(look,),
        failed=True,
        card=card.key,
    )


_DONE = {CardState.APPLIED: "Applied", CardState.FAILED: "Attempted"}


async def _pressed(actor: Actor, key: str) -> ChangeCard:
    """Return the card; raises InvalidInput, NotFound or NotPermitted (which is recorded)."""
    if not key:
        raise InvalidInput("which card? Each card shows its own apply and cancel commands")
    card = await in_database(card_records.find, key)
    if card is None:
        await check(actor, OWN)
        raise NotFound(f'there is no card "{key[:20]}"; "change sampling" creates one')
    name, asked = _asked(actor, card)
    await check(actor, name, **asked)
    return card


def _asked(actor: Actor, card: ChangeCard) -> tuple[str, dict[str, Any]]:
    """Return the action that a click on the card calls for this actor, and its arguments."""
    asked = {"policy": _policy(card), "service": card.service, "site": card.site}
    if card.asked_by_id == actor.user_id:
        return OWN, asked
    return OTHERS, {"asked_by": card.asker, **asked}


async def _decided(key: str) -> Reply:
    """Return the result of a card that has been decided or has expired."""
    await in_database(card_records.expire, timezone.now())
    card = await in_database(card_records.find, key)
    if card is None:
        raise NotFound("the card is gone")
    return face(card)


async def _made(actor: Actor, card: ChangeCard) -> tuple[CardState, Reply]:
    name, asked = _asked(actor, card)
    try:
        change = await _ACTIONS[name](actor, **asked)
    except NotConfirmed as error:
        return CardState.APPLIED, error_reply(error)
    except _NOTHING_DONE as error:
        return CardState.FAILED, error_reply(error)
    except OpsError as error:
        reply = error_reply(error)
        return CardState.UNKNOWN, Reply("", notes=(reply.summary, *reply.notes))
    return CardState.APPLIED, sampling_change(change)


def _written(card: ChangeCard, outcome: Reply) -> str:
    """Return a reply as JSON for the card's `result`, which `face` reads."""
    return json.dumps(
        {
            "summary": outcome.summary,
            "rows": [[row.cells, row.below] for row in outcome.rows],
            "notes": outcome.notes,
            "failed": outcome.failed,
            "undo": outcome.follow_ups == undo(card.service, card.site),
        }
    )


def _policy(card: ChangeCard) -> Policy:
    return Policy(Strategy(card.strategy), card.rate)


def _what(card: ChangeCard) -> str:
    """Return `sampling of petstore: 10% -> 25% on 3 instances`."""
    return (
        f"sampling of {card.service}: {card.previous} -> {_policy(card)} on "
        f"{count(card.instances, 'instance')}{elsewhere(card.site)}"
    )


def _effect(before: ServiceSampling, policy: Policy) -> str:
    """Say what to expect, compared with the current policy if that is known."""
    service = before.service
    if policy == NEVER:
        return f"New {service} traces will no longer be kept"
    told = {each.policy if each.confirmed else None for each in before.instances}
    now = told.pop() if len(told) == 1 else None
    if now == policy:
        kept = "every trace" if policy == ALWAYS else f"{policy} of its traces"
        return f"{service} already keeps {kept}; this sends the setting again"
    share = "All" if policy == ALWAYS else f"{policy} of"
    effect = f"{share} new {service} traces will be kept"
    if now is None:
        return f"{effect}; the current share is unknown"
    if now == NEVER:
        return f"{effect}; currently none are"
    times = policy.rate / now.rate
    return f"{effect}, {times:.3g} times as many as now"
