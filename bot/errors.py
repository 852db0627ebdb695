"""The one place where an OpsError becomes an answer of the bot."""

import logging
from collections.abc import Awaitable
from dataclasses import replace
from typing import TypeVar

from django.db import Error

from bot.answers import sampling_change
from bot.replies import FollowUp, Reply, Row
from ops.actor import request_id
from ops.errors import (
    BackendTimeout,
    BackendUnavailable,
    Busy,
    Conflict,
    DatabaseUnavailable,
    InvalidInput,
    NotConfirmed,
    NotFound,
    NotPermitted,
    NotSetUp,
    OpsError,
)
from ops.people.account import SlackAccount
from ops.sampling.actions import SamplingChange

R = TypeVar("R", bound=Reply | None)
log = logging.getLogger(__name__)

HEADS: dict[type[OpsError], str] = {
    InvalidInput: "Not understood",
    NotFound: "Not found",
    NotSetUp: "Not set up",
    NotPermitted: "Not permitted",
    Conflict: "Not possible now",
    NotConfirmed: "Not confirmed everywhere",
    Busy: "Busy",
    DatabaseUnavailable: "Database unavailable",
    BackendUnavailable: "No answer to show",
    BackendTimeout: "No answer in time",
    OpsError: "That failed",
}


async def reply_or_error(answering: Awaitable[R], command: str = "", again: str = "") -> R | Reply:
    """Return the reply, or the one about what went wrong; raises nothing but cancellation.

    `again` is the line to try once more when something did not answer, "" for none.
    """
    try:
        return await answering
    except (BackendUnavailable, Busy, DatabaseUnavailable) as error:
        once_more = (FollowUp("Try again", again),) if again else ()
        return replace(error_reply(error), follow_ups=once_more)
    except OpsError as error:
        return error_reply(error, command)
    except Error:
        log.exception("the database fails")
        return error_reply(
            OpsError("the database does not answer; check that it runs, then ask again")
        )
    except Exception:
        log.exception("a message could not be answered")
        return error_reply(OpsError("something failed inside OpsPortal; the log has more"))


def error_reply(error: OpsError, command: str = "") -> Reply:
    """Return the error as one sentence, with the request id that finds it in the log.

    Bad input to a command also says which help to ask for.
    """
    head = next(HEADS[kind] for kind in type(error).__mro__ if kind in HEADS)
    help = FollowUp("How to write it", f"help {command}")
    wrong = (help,) if command and isinstance(error, InvalidInput) else ()
    notes = (*(f"{each.label}: {each.line}" for each in wrong), _request())
    if isinstance(error, NotConfirmed) and isinstance(error.result, SamplingChange):
        outcome = sampling_change(error.result)
        return replace(outcome, summary=f"{head}: {outcome.summary}", notes=notes, failed=True)
    return Reply(f"{head}: {error}", notes=notes, failed=True, follow_ups=wrong)


def stranger_reply(reason: str, newcomer: SlackAccount | None, *follow_ups: FollowUp) -> Reply:
    """Return what somebody reads whom we do not know, and what they may do about it."""
    ways = (
        'Write "link" to me, and I send you a code with which you link yourself.',
        "Or ask whoever manages people to add a Slack identity in admin with user id "
        f"{newcomer.user_id} and workspace id {newcomer.team_id}.",
    ) if newcomer else ()  # fmt: skip
    notes = (*ways, _request())
    return Reply(f"I cannot help you: {reason}", notes=notes, failed=True, follow_ups=follow_ups)


def busy_reply(waiting: int) -> Reply:
    """Return what somebody reads when too many wait before them."""
    return Reply(
        f"Sorry, {waiting} messages wait before yours, so I leave it: nothing was done. "
        "Please write it again in a minute",
        failed=True,
    )


def ask_again_reply(text: str) -> Reply:
    """Return the question whether a change is to be made that may have been made already."""
    return Reply(
        "I was interrupted, and cannot say whether this was done. Shall I do it again?",
        (Row((text,)),),
        ("To have it done, write it to me once more.",),
        failed=True,
        follow_ups=(FollowUp("Do it again", text, "danger"),),
    )


def _request() -> str:
    return f"request {request_id()}"
