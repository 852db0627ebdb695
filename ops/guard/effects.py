"""Run an effect under its deadline, between its two rows in the audit log."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import TypeVar

from django.db import DatabaseError

from ops import limits, metrics
from ops.actor import Actor
from ops.audit import chain, owed
from ops.audit.models import Outcome
from ops.database import DatabaseBusy, in_database, patiently
from ops.errors import BackendTimeout, Busy, DatabaseUnavailable, NotPermitted, OpsError
from ops.patience import patient

R = TypeVar("R")
Effect = Callable[[], Awaitable[R]]
Record = Callable[[Outcome, str], Awaitable[object]]

DEADLINE = 30.0  # seconds
DATABASE_SECONDS = 2.5
_GIVEN_UP = "given up before the effect: nothing was changed"
log = logging.getLogger(__name__)


class _DeadlineExceeded(BackendTimeout):
    """The action as a whole ran out of time; nobody knows how far it got."""


def outcome_of(error: BaseException) -> Outcome:
    """Return the outcome of an action that ended with an error."""
    if isinstance(error, NotPermitted):
        return Outcome.DENIED
    lost = isinstance(error, _DeadlineExceeded | DatabaseError)
    if lost or not isinstance(error, OpsError):
        return Outcome.UNKNOWN
    return Outcome.FAILED


async def promptly(answer: Awaitable[R]) -> R:
    """Wait for the database, but not forever: nothing has been done yet."""
    try:
        async with asyncio.timeout(patient(DATABASE_SECONDS)):
            return await answer
    except TimeoutError as error:
        raise DatabaseUnavailable(
            f"nothing was done: the database did not answer within {DATABASE_SECONDS:g} s; "
            "try again in a few seconds"
        ) from error


async def within(deadline: float, name: str, effect: Effect[R]) -> R:
    """Run an effect; raises BackendTimeout when its seconds are over."""
    try:
        async with asyncio.timeout(deadline) as limit:
            return await effect()
    except TimeoutError as error:
        if not limit.expired():
            raise
        raise _DeadlineExceeded(
            f"{name} took longer than {deadline:g} s and was cancelled", backend="OpsPortal"
        ) from error


async def recorded(
    actor: Actor, name: str, target: str, arguments: Mapping[str, object], effect: Effect[R]
) -> R:
    """Run a change between its two rows; without the first one nothing is done."""
    parameters = limits.recorded(arguments)

    async def record(outcome: Outcome, detail: str = "") -> None:
        await in_database(
            chain.append, actor, name, target, outcome, parameters=parameters, detail=detail
        )

    await _record_start(name, record)
    with patiently():
        try:
            result = await effect()
        except DatabaseError as error:
            await _record_outcome(partial(record, Outcome.UNKNOWN, str(error)))
            raise OpsError(
                "we don't know whether this change was made: the database failed meanwhile. "
                "The audit log shows what was started"
            ) from error
        except BaseException as error:
            await _record_outcome(partial(record, outcome_of(error), str(error)))
            raise
        await _record_outcome(partial(record, Outcome.OK, str(result)))
    return result


async def _record_start(name: str, record: Record) -> None:
    """Write the first row; if it is written too late, make sure that an outcome follows it."""
    writing = asyncio.ensure_future(record(Outcome.STARTED, ""))
    try:
        await promptly(asyncio.shield(writing))
    except BaseException as error:
        if not isinstance(error, DatabaseBusy):  # if its turn never came, nothing was written
            owed.close(writing, name, partial(record, Outcome.FAILED, _GIVEN_UP))
        if not isinstance(error, DatabaseError):
            raise
        metrics.audit_failures.inc()
        log.warning("%s was not run: cannot write to the audit log: %s", name, error)
        kind = Busy if isinstance(error, Busy) else DatabaseUnavailable
        raise kind(
            "nothing was changed, because the audit log cannot be written and every change must "
            f"be recorded: {error}"
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
