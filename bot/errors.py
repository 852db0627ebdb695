"""The one place where the bot turns an OpsError into an answer."""

import logging
from collections.abc import Awaitable, Sequence
from dataclasses import replace
from typing import TypeVar

from django.db import Error

from bot.answers.sampling import sampling_change
from bot.replies import FollowUp, Reply, Row
from ops import actor
from ops.accounts.account import SlackAccount
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
from ops.sampling.actions import SamplingChange

R = TypeVar("R", bound=Reply | Sequence[Reply])
log = logging.getLogger(__name__)

HEADS: dict[type[OpsError], str] = {
    InvalidInput: "Not understood",
    NotFound: "Not found",
    NotSetUp: "Not set up",
    NotPermitted: "Not permitted",
    Conflict: "Not possible right now",
    NotConfirmed: "Not every instance confirmed",
    Busy: "Busy",
    DatabaseUnavailable: "Database unavailable",
    BackendUnavailable: "Backend unavailable",
    BackendTimeout: "Backend timed out",
    OpsError: "Failed",
}


async def reply_or_error(answering: Awaitable[R], command: str = "", again: str = "") -> R | Reply:
    """Return the reply, or a reply about the error; raises only CancelledError.

    `again` is the line that a Retry button runs if something did not answer, "" for none.
    """
    try:
        return await answering
    except (BackendUnavailable, Busy, DatabaseUnavailable) as error:
        once_more = (FollowUp("Retry", again),) if again else ()
        return replace(error_reply(error), follow_ups=once_more)
    except OpsError as error:
        return error_reply(error, command)
    except Error:
        log.exception("a database query failed")
        return error_reply(
            OpsError("the database did not answer; check that it is running, then try again")
        )
    except Exception:
        log.exception("a message could not be answered")
        return error_reply(OpsError("something went wrong inside OpsPortal; the log has details"))


def error_reply(error: OpsError, command: str = "", request_id: str = "") -> Reply:
    """Return the error as one sentence, with the request ID that finds it in the log.

    That is the current request's, unless the error comes from an earlier one. Invalid input to a
    command adds that command's help.
    """
    head = next(HEADS[kind] for kind in type(error).__mro__ if kind in HEADS)
    help = FollowUp("Show usage", f"help {command}")
    wrong = (help,) if command and isinstance(error, InvalidInput) else ()
    notes = (*(f"{each.label}: {each.line}" for each in wrong), _request(request_id))
    if isinstance(error, NotConfirmed) and isinstance(error.result, SamplingChange):
        outcome = sampling_change(error.result)
        return replace(outcome, summary=f"{head}. {outcome.summary}", notes=notes, failed=True)
    return Reply(f"{head}: {error}", notes=notes, failed=True, follow_ups=wrong)


def stranger_reply(reason: str, newcomer: SlackAccount | None, *follow_ups: FollowUp) -> Reply:
    """Return the refusal of a Slack user who is not linked, with the ways to get linked."""
    ways = (
        'Write "link" to me and I will send you a code that links your account.',
        "Or ask an administrator to add a Slack identity in admin with user ID "
        f"{newcomer.user_id} and workspace ID {newcomer.team_id}.",
    ) if newcomer else ()  # fmt: skip
    notes = (*ways, _request())
    return Reply(f"I cannot help you: {reason}", notes=notes, failed=True, follow_ups=follow_ups)


def unanswered_reply(number: int) -> Reply:
    """Return the one answer to messages that were skipped because too many are waiting."""
    skipped = "1 message of yours is" if number == 1 else f"{number:,} messages of yours are"
    return Reply(
        f"Sorry, too many messages are waiting: {skipped} left unanswered. Nothing was changed. "
        "Please send what you still need again in a minute",
        failed=True,
    )


def ask_again_reply(text: str) -> Reply:
    """Return the question whether to repeat a change that may already have been made."""
    return Reply(
        "I was interrupted and do not know whether this was done. Do it again?",
        (Row((text,)),),
        ("To do it, send it to me again.",),
        failed=True,
        follow_ups=(FollowUp("Do it again", text, "danger"),),
    )


def _request(earlier: str = "") -> str:
    return f"request {earlier or actor.request_id()}"
