"""The actions by name, and the guard that each of them runs in."""

import functools
import logging
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, Concatenate, ParamSpec, Self, TypeVar

from django.db import DatabaseError, transaction

from ops import limits, metrics
from ops.actor import Actor, request_id
from ops.audit import chain
from ops.audit.models import Outcome
from ops.errors import OpsError
from ops.guard.announcing import announce
from ops.guard.effects import DEADLINE, outcome_of, promptly, recorded, within
from ops.guard.permission import (
    Permission,
    holds,
    record_refusal,
    record_refusal_here,
    refusal,
)
from ops.rights import known, read_rights, rights_of

P = ParamSpec("P")
R = TypeVar("R")
Run = Callable[Concatenate[Actor, P], Awaitable[R]]
Write = Callable[Concatenate[Actor, P], R]
log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Action:
    """A registered action: `run` is its coroutine function, or function if it is a write."""

    name: str
    permission: Permission
    audit: bool
    run: Callable[..., Any]


ACTIONS: dict[str, Action] = {}
_names: dict[Callable[..., Any], str] = {}


def action(
    name: str,
    *,
    permission: Permission,
    audit: bool = False,
    target: Callable[..., str] = lambda **_: "",
    deadline: float = DEADLINE,
    changes: str = "",
) -> Callable[[Run[P, R]], Run[P, R]]:
    """Register a coroutine function `(actor, *, …)` as an action and put the guard around it.

    `target` receives the keyword arguments and returns the target's name for the audit log. It
    may refuse bad input; in that case nothing has happened and nothing is written. `deadline` is
    in seconds. `changes` is the subject whose open pages are rendered again afterwards, whatever
    the outcome.
    """

    def register(function: Run[P, R]) -> Run[P, R]:
        @functools.wraps(function)
        async def guarded(actor: Actor, /, *args: P.args, **kwargs: P.kwargs) -> R:
            with _Observed(name, actor):
                await check(actor, name, **kwargs)
                limits.check_fields(kwargs.items())
                effect = partial(within, deadline, name, partial(function, actor, *args, **kwargs))
                try:
                    if not audit:
                        return await effect()
                    return await recorded(actor, name, target(**kwargs), kwargs, effect)
                finally:
                    announce(changes, kwargs)

        return _registered(Action(name, permission, audit, guarded), guarded)

    return register


def write(
    name: str, *, permission: Permission, target: Callable[..., str]
) -> Callable[[Write[P, R]], Write[P, R]]:
    """Register a function `(actor, *, …)` that changes our own database, and guard it.

    It runs on a database thread, in one transaction with its audit row. `target` is as for an
    action.
    """

    def register(function: Write[P, R]) -> Write[P, R]:
        @functools.wraps(function)
        def guarded(actor: Actor, /, *args: P.args, **kwargs: P.kwargs) -> R:
            with _Observed(name, actor, DatabaseError):
                _check_here(actor, name, kwargs)
                limits.check_fields(kwargs.items())
                with transaction.atomic():
                    result = function(actor, *args, **kwargs)
                    chain.append(
                        actor,
                        name,
                        target(**kwargs),
                        Outcome.OK,
                        parameters=limits.recorded(kwargs),
                    )
                return result

        return _registered(Action(name, permission, audit=True, run=guarded), guarded)

    return register


F = TypeVar("F", bound=Callable[..., Any])


def _registered(made: Action, guarded: F) -> F:
    ACTIONS[made.name] = made
    _names[guarded] = made.name
    return guarded


def name_of(action: Callable[..., Any]) -> str:
    """Return the name of an action, for `check`; raises KeyError if it is not an action."""
    return _names[action]


async def check(actor: Actor, /, *names: str, **arguments: object) -> None:
    """Raise NotPermitted unless the actor may run one of these actions now.

    The refusal is recorded under the first of them. A door calls this before it reads the
    request; the action checks again.
    """
    if await may(actor, *names):
        return
    refused = refusal(actor, ACTIONS[names[0]].permission)
    await record_refusal(actor, names[0], str(refused), arguments)
    raise refused


async def may(actor: Actor, /, *names: str) -> bool:
    """Return whether the actor may run one of these actions now; without names, True.

    Nothing is recorded: this is for what a door offers.
    """
    rights = known(actor.user_id)
    if rights is None:
        rights = await promptly(rights_of(actor.user_id))
    return not names or any(holds(actor, rights, ACTIONS[name].permission) for name in names)


def _check_here(actor: Actor, name: str, arguments: dict[str, object]) -> None:
    """Do the same as `check` on a database thread."""
    needed = ACTIONS[name].permission
    if holds(actor, read_rights(actor.user_id), needed):
        return
    refused = refusal(actor, needed)
    record_refusal_here(actor, name, str(refused), arguments)
    raise refused


class _Observed:
    """Count the action by outcome, and let no exceptions but OpsError and `others` pass.

    A database thread explains a DatabaseError itself, see ops.database.
    """

    def __init__(self, name: str, actor: Actor, *others: type[Exception]) -> None:
        self.name = name
        self.passing: tuple[type[Exception], ...] = (OpsError, *others)
        self.door = actor.door.value
        self.outcome = Outcome.OK

    def __enter__(self) -> Self:
        self.started = time.perf_counter()
        return self

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if error is not None:
            self.outcome = outcome_of(error)
        metrics.actions.labels(self.name, self.door, self.outcome.value).inc()
        metrics.action_seconds.labels(self.name).observe(time.perf_counter() - self.started)
        if isinstance(error, Exception) and not isinstance(error, self.passing):
            log.error("%s failed", self.name, exc_info=error)
            raise OpsError(
                f"something went wrong inside OpsPortal; log entry: {request_id()}"
            ) from error
