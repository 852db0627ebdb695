"""The guard around every action: permission, limits, audit, deadline, outcome.

It works in this order: check the permission; refuse arguments that are too large; for a change,
commit an audit row "started"; run the effect under its deadline; write a second row with the
outcome: "ok", "failed", or "unknown" if it was cancelled, ran out of time or crashed. A change
whose first row cannot be written does not happen. Refusals because of a missing permission are
recorded too, at most once a minute per actor and action.
"""

import asyncio
import functools
import logging
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Concatenate, ParamSpec, Self, TypeVar

from cachetools import TTLCache
from django.db import DatabaseError

from ops import limits, metrics
from ops.actor import Actor, request_id
from ops.audit import chain, owed
from ops.audit.models import Outcome
from ops.database import DatabaseBusy, in_database, patiently
from ops.errors import BackendTimeout, Busy, DatabaseUnavailable, NotPermitted, OpsError
from ops.metrics import watched
from ops.rights import rights_of

P = ParamSpec("P")
R = TypeVar("R")
Run = Callable[Concatenate[Actor, P], Awaitable[R]]

ANY_PERSON = "an active account"  # every action requires it; these actions require nothing else
DEADLINE = 30.0
DATABASE_SECONDS = 2.5
log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Action:
    """A registered action. `deadline` is in seconds."""

    name: str
    permission: str
    audit: bool
    deadline: float
    target: Callable[..., str]
    run: Callable[..., Awaitable[Any]]


ACTIONS: dict[str, Action] = {}
_names: dict[Callable[..., Awaitable[Any]], str] = {}
refused_lately: TTLCache[tuple[int | None, str, str], bool] = watched(
    "refusals", TTLCache(maxsize=10_000, ttl=60)
)


def action(
    name: str,
    *,
    permission: str,
    audit: bool = False,
    target: Callable[..., str] = lambda **_: "",
    deadline: float = DEADLINE,
) -> Callable[[Run[P, R]], Run[P, R]]:
    """Register a coroutine function `(actor, *, …)` as an action and put the guard around it.

    `permission` is Django's `app.codename`, or ANY_PERSON for actions on one's own account.
    `target` receives the keyword arguments and returns the target's name for the audit log. It
    may refuse bad input; in that case nothing has happened and nothing is written.
    """

    def register(function: Run[P, R]) -> Run[P, R]:
        @functools.wraps(function)
        async def guarded(actor: Actor, /, *args: P.args, **kwargs: P.kwargs) -> R:
            with _Observed(name, actor):
                await check(actor, name, **kwargs)
                limits.check_fields(kwargs.items())
                effect = partial(function, actor, *args, **kwargs)
                if audit:
                    return await _change(registered, actor, kwargs, effect)
                return await _within_deadline(registered, effect)

        registered = Action(name, permission, audit, deadline, target, guarded)
        ACTIONS[name] = registered
        _names[guarded] = name
        return guarded

    return register


class _Observed:
    """Count the action by outcome, and let no exception but OpsError reach the doors."""

    def __init__(self, name: str, actor: Actor) -> None:
        self.name = name
        self.door = actor.door.value
        self.outcome = Outcome.OK

    def __enter__(self) -> Self:
        self.started = time.perf_counter()
        return self

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if error is not None:
            self.outcome = _outcome(error)
        metrics.actions.labels(self.name, self.door, self.outcome.value).inc()
        metrics.action_seconds.labels(self.name).observe(time.perf_counter() - self.started)
        if isinstance(error, Exception) and not isinstance(error, OpsError):
            log.error("%s failed", self.name, exc_info=error)
            raise OpsError(
                f"something went wrong inside OpsPortal; log entry: {request_id()}"
            ) from error


def _outcome(error: BaseException) -> Outcome:
    if isinstance(error, NotPermitted):
        return Outcome.DENIED
    lost = isinstance(error, _DeadlineExceeded | DatabaseError)
    if lost or not isinstance(error, OpsError):
        return Outcome.UNKNOWN
    return Outcome.FAILED


class _DeadlineExceeded(BackendTimeout):
    """The action as a whole ran out of time; nobody knows how far it got."""


async def check(actor: Actor, /, *names: str, **arguments: object) -> None:
    """Raise NotPermitted unless the actor may run one of these actions now.

    The refusal is recorded under the first of them. A door calls this before it reads the
    request; the action checks again.
    """
    rights = await _promptly(rights_of(actor.user_id))
    needed = [ACTIONS[name].permission for name in names]
    if rights.active and any(each in (ANY_PERSON, *rights.permissions) for each in needed):
        return
    refusal = NotPermitted(
        f"{actor.name or 'an unknown user'} is not allowed to do this: it requires "
        f"{needed[0] if needed[0] == ANY_PERSON else f'the permission {needed[0]}'}"
    )
    await record_refusal(actor, names[0], str(refusal), arguments)
    raise refusal


def name_of(action: Callable[..., Awaitable[Any]]) -> str:
    """Return the name of an action, for `check`; raises KeyError if it is not an action."""
    return _names[action]


async def record_refusal(
    actor: Actor, name: str, reason: str, parameters: Mapping[str, object] | None = None
) -> None:
    """Write a "denied" row, at most once a minute per actor and action (or bot command).

    This raises nothing: if the row cannot be written, the action is still refused.
    """
    who = (actor.user_id, actor.name, name)
    if who in refused_lately:
        return
    refused_lately[who] = True
    try:
        kept = limits.recorded(parameters or {})
        await in_database(
            chain.append, actor, name, "", Outcome.DENIED, parameters=kept, detail=reason
        )
    except DatabaseError:
        metrics.audit_failures.inc()
        log.exception("could not record that %s was refused to %s", name, actor.name)


async def _within_deadline(registered: Action, effect: Callable[[], Awaitable[R]]) -> R:
    try:
        async with asyncio.timeout(registered.deadline) as limit:
            return await effect()
    except TimeoutError as error:
        if not limit.expired():
            raise
        raise _DeadlineExceeded(
            f"{registered.name} took longer than {registered.deadline:g} s and was cancelled",
            backend="OpsPortal",
        ) from error


async def _change(
    registered: Action,
    actor: Actor,
    arguments: Mapping[str, object],
    effect: Callable[[], Awaitable[R]],
) -> R:
    target = registered.target(**arguments)
    parameters = limits.recorded(arguments)

    async def record(outcome: Outcome, detail: str = "") -> None:
        await in_database(
            chain.append,
            actor,
            registered.name,
            target,
            outcome,
            parameters=parameters,
            detail=detail,
        )

    await _record_start(registered, record)
    with patiently():
        try:
            result = await _within_deadline(registered, effect)
        except DatabaseError as error:
            await _record_outcome(partial(record, Outcome.UNKNOWN, str(error)))
            raise OpsError(
                "we don't know whether this change was made: the database failed meanwhile. "
                "The audit log shows what was started"
            ) from error
        except BaseException as error:
            await _record_outcome(partial(record, _outcome(error), str(error)))
            raise
        await _record_outcome(partial(record, Outcome.OK, str(result)))
    return result


async def _record_start(
    registered: Action, record: Callable[[Outcome, str], Awaitable[object]]
) -> None:
    """Write the first row; if it is written too late, make sure that an outcome follows it."""
    writing = asyncio.ensure_future(record(Outcome.STARTED, ""))
    try:
        await _promptly(asyncio.shield(writing))
    except BaseException as error:
        if not isinstance(error, DatabaseBusy):  # if its turn never came, nothing was written
            owed.close(writing, registered.name, partial(record, Outcome.FAILED, _GIVEN_UP))
        if not isinstance(error, DatabaseError):
            raise
        metrics.audit_failures.inc()
        log.warning("%s was not run: cannot write to the audit log: %s", registered.name, error)
        kind = Busy if isinstance(error, Busy) else DatabaseUnavailable
        raise kind(
            "nothing was changed, because the audit log cannot be written and every change must "
            f"be recorded: {error}"
        ) from error


_GIVEN_UP = "given up before the effect: nothing was changed"


async def _promptly(answer: Awaitable[R]) -> R:
    """Wait for the database, but not forever: nothing has been done yet."""
    try:
        async with asyncio.timeout(DATABASE_SECONDS):
            return await answer
    except TimeoutError as error:
        raise DatabaseUnavailable(
            f"nothing was done: the database did not answer within {DATABASE_SECONDS:g} s; "
            "try again in a few seconds"
        ) from error


async def _record_outcome(record: Callable[[], Awaitable[object]]) -> None:
    """Write the second row, even while the caller is being cancelled.

    If the database does not take it, `owed` writes it later. Until then only "started" is in the
    log, which reads as unknown.
    """
    try:
        await asyncio.shield(owed.written(record))
    except DatabaseError as error:
        metrics.audit_failures.inc()
        log.warning("could not record the outcome of a change yet: %s", error)
