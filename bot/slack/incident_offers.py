"""Ask in an incident's thread whether to close it, once all of its alerts have been quiet for long.

Every process looks; the claim that is recorded right before the call decides which of them asks.
"""

import asyncio
import logging
from functools import partial

from bot.answers.incidents import may_close
from bot.models import State
from bot.slack.blocks import slack_messages
from bot.slack.post_claim import PostClaim, TakenOverError
from bot.slack.sender import Sender
from ops.actor import OPSPORTAL
from ops.incidents import actions
from ops.incidents.actions import Offer

log = logging.getLogger(__name__)


async def keep_offering(sender: Sender, seconds: float) -> None:
    """Ask whenever it is time, until cancelled."""
    while True:
        try:
            await offer_all(sender)
        except Exception:
            log.exception("closing incidents could not be offered")
        await asyncio.sleep(seconds)


async def offer_all(sender: Sender) -> None:
    """Ask in the threads of all incidents that may be over."""
    for offer in await actions.list_offers(OPSPORTAL):
        thread = offer.incident.thread
        if thread:
            [message, *_] = slack_messages(may_close(offer))
            try:
                claim = PostClaim(partial(_advance, offer))
                await sender.post((thread.channel, thread.ts), message, claim)
            except TakenOverError:
                continue


async def _advance(offer: Offer, state: State) -> bool:
    return await actions.claim_offer(OPSPORTAL, offer=offer, undo=state is not State.POSTING)
