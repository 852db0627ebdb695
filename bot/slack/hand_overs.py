"""Tell people directly that they got an alert, or that somebody has theirs now.

Every process looks; the claim that is recorded right before the call decides which of them tells.
Somebody who cannot be written to reads it in the thread of a subscribed channel.
"""

import asyncio
import logging
from collections.abc import Sequence
from datetime import timedelta
from functools import partial

from django.utils import timezone

from bot.answers.acknowledgements import handed_over
from bot.models import HandOverMessage, State
from bot.slack.blocks import slack_messages
from bot.slack.post_claim import PostClaim, TakenOverError
from bot.slack.reaching import Reaching
from bot.slack.sender import Sender
from ops.acknowledgements import actions
from ops.acknowledgements.actions import HandOver
from ops.actor import OPSPORTAL
from ops.database import in_database

KEPT = timedelta(days=1)
log = logging.getLogger(__name__)


async def keep_telling(sender: Sender, reaching: Reaching, seconds: float) -> None:
    """Notify people whenever something was handed over, until cancelled."""
    while True:
        try:
            await tell_all(sender, reaching)
        except Exception:
            log.exception("people could not be notified of alerts that were handed over")
        await asyncio.sleep(seconds)


async def tell_all(sender: Sender, reaching: Reaching) -> None:
    """Notify everybody of the latest hand-overs who has not been notified yet."""
    found = await actions.list_hand_overs(OPSPORTAL)
    for each in await in_database(_not_told, found) if found else ():
        channel = await reaching.channel(each.user_id)
        if not channel:
            continue
        [message, *_] = slack_messages(handed_over(each))
        try:
            sent = await sender.post((channel, ""), message, PostClaim(partial(_advance, each)))
        except TakenOverError:
            continue
        if sent.state is State.FAILED and not sent.later:
            await in_database(_claim, each)  # Slack will never take it


def _not_told(found: Sequence[HandOver]) -> list[HandOver]:
    rows = HandOverMessage.objects.filter(acknowledgement__in=[each.now.id for each in found])
    told = {*rows.values_list("acknowledgement", "user")}
    return [each for each in found if (each.now.id, each.user_id) not in told]


async def _advance(of: HandOver, state: State) -> bool:
    return await in_database(_claim if state is State.POSTING else _take_back, of)


def _claim(of: HandOver) -> bool:
    """Record that somebody is notified; of several processes, one gets True."""
    now = timezone.now()
    HandOverMessage.objects.filter(at__lt=now - KEPT).delete()
    _, made = HandOverMessage.objects.get_or_create(
        acknowledgement=of.now.id, user=of.user_id, defaults={"at": now}
    )
    return made


def _take_back(of: HandOver) -> bool:
    HandOverMessage.objects.filter(acknowledgement=of.now.id, user=of.user_id).delete()
    return True
