"""A request for a change: the question on its card, then the result."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

from bot.answers.phrases import elsewhere, site_key
from bot.answers.sampling import sampling_change
from bot.answers.times import at, when
from bot.errors import error_reply
from bot.links import page
from bot.replies import FollowUp, Reply, Sentence
from ops.errors import NotConfirmed, OpsError
from ops.requests.actions import RequestedChange, State
from ops.sampling.actions import SamplingChange
from ops.sampling.terms import PERMANENT
from ops.vocabulary.figures import count


def requested_change(request: RequestedChange, note: str = "", effect: Sequence[str] = ()) -> Reply:
    """Return a request as its card shows it; while it is open, with a note and its effect."""
    match request.state:
        case State.OPEN:
            return _question(request, note, effect)
        case State.APPLYING:
            reply = Reply(Sentence(f"{request.decided_by} is applying: ", *_what(request), " …"))
        case State.CANCELLED | State.REFUSED | State.EXPIRED:
            reply = _dismissed(request)
        case State.APPLIED | State.FAILED if request.result:
            reply = _decided(request, request.result)
        case _:
            reply = _unknown(request)
    links = page("the request", "sampling-request", request.site, key=request.key)
    return replace(reply, card=request.key, links=reply.links or links)


def _question(request: RequestedChange, note: str, effect: Sequence[str]) -> Reply:
    yes, no = ("approve", "refuse") if request.over else ("apply", "cancel")
    withdraw = f'because="…". {request.asker} can withdraw it: cancel {request.key}'
    return Reply(
        Sentence("Approve " if request.over else "Change ", *_what(request), "?"),
        notes=(
            *((note,) if note else ()),
            *((request.over.asked,) if request.over else ()),
            *(effect or (request.effect,)),
            *(
                (f"Then {request.then or 'its permanent sampling'} again.",)
                if request.term != PERMANENT
                else ()
            ),
            *((f"Reason: {request.reason}",) if request.reason else ()),
            Sentence(
                f"Requested by {request.asker}; open for {_minutes(request)} minutes, until ",
                at(request.expires),
                ".",
            ),
            f"Or write: {yes} {request.key}, {no} {request.key}"
            + (f" {withdraw}" if request.over else ""),
        ),
        follow_ups=(
            FollowUp(yes.capitalize(), f"{yes} {request.key}", "primary"),
            FollowUp(no.capitalize(), f"{no} {request.key}"),
        ),
        card=request.key,
    )


def _minutes(request: RequestedChange) -> int:
    return (request.expires - request.asked_at) // timedelta(minutes=1)


def _dismissed(request: RequestedChange) -> Reply:
    if request.state is State.EXPIRED:
        return Reply(
            Sentence("Expired, nothing was changed: ", *_what(request)),
            notes=(
                Sentence(
                    f"{request.asker} asked; nobody "
                    f"{'approved' if request.over else 'applied'} it before ",
                    at(request.expires),
                ),
            ),
            failed=True,
        )
    if not request.decided_by:
        return Reply(
            Sentence("Withdrawn, nothing was changed: ", *_what(request)),
            notes=(f"{request.asker} asked, but no longer has an account here",),
            failed=True,
        )
    done = "Withdrawn" if request.over else "Cancelled"
    if request.state is State.REFUSED:
        done = "Refused"
    return Reply(
        Sentence(done, *_by(request), ": ", *_what(request)),
        notes=(f"Reason: {request.why_not}",) if request.why_not else (),
    )


def _decided(request: RequestedChange, result: SamplingChange | OpsError) -> Reply:
    if isinstance(result, OpsError):
        reply = error_reply(result, request_id=request.request_id)
    elif not result.is_confirmed:
        reply = error_reply(NotConfirmed("", result), request_id=request.request_id)
    else:
        reply = sampling_change(result)
    done = "Attempted" if request.state is State.FAILED else "Applied"
    if request.over:
        done = "Approved"
    return replace(reply, notes=(Sentence(done, *_by(request)), *reply.notes))


def _unknown(request: RequestedChange) -> Reply:
    look = FollowUp("Sampling", f"sampling {request.service}{site_key(request.site)}")
    why: tuple[str, ...] = ()
    if isinstance(request.result, OpsError):
        error = error_reply(request.result, request_id=request.request_id)
        why = (error.summary, *error.notes)
    lost = "; no result was recorded, and it will not be repeated"
    return Reply(
        Sentence("We don't know whether this change was made: ", *_what(request)),
        notes=(
            Sentence("Applied", *_by(request), lost),
            f"Check with: {look.line}; the audit log shows what was started",
            *why,
        ),
        follow_ups=(look,),
        failed=True,
    )


def _by(request: RequestedChange) -> tuple[str, ...]:
    then = (" at ", at(request.decided_at)) if request.decided_at else ()
    return (f" by {request.decided_by}", *then, f", requested by {request.asker}")


def _what(request: RequestedChange) -> tuple[str, ...]:
    """Return `sampling of petstore: 10% -> 25% on 3 instances for 30 min`."""
    what = (
        f"sampling of {request.service}: {request.previous} -> {request.policy} on "
        f"{count(request.instances, 'instance')}{elsewhere(request.site)}"
    )
    if request.term.end:
        return what, " until ", when(request.term.end)
    return what, "" if request.term == PERMANENT else f" {request.term}"
