import asyncio
import threading
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial

import pytest
from django.contrib.auth.models import User
from django.db import OperationalError, connection, transaction
from pytest_django import Settings

from ops import guard, rights
from ops.actor import Actor
from ops.audit import chain, owed
from ops.audit.models import AuditEntry, Outcome
from ops.database import in_database
from ops.errors import (
    BackendTimeout,
    BackendUnavailable,
    Busy,
    DatabaseUnavailable,
    NotPermitted,
    OpsError,
)
from ops.guard.effects import _record_outcome
from ops.watch import notices
from tests.conftest import Person, actor_of

pytestmark = pytest.mark.django_db(transaction=True)


@dataclass
class Effects:
    """What a test's action did, and what it is told to do."""

    done: list[str] = field(default_factory=list)
    error: BaseException | None = None
    hang: asyncio.Event | None = None
    begun: asyncio.Event = field(default_factory=asyncio.Event)


@pytest.fixture
def effects() -> Effects:
    return Effects()


@pytest.fixture
def change(effects: Effects) -> Iterator[guard.Run[..., str]]:
    @guard.action(
        "tests.change",
        permission="sampling.change_policy",
        audit=True,
        target=lambda what, **_: f"demo/{what}",
        deadline=0.2,
        changes="pets",
    )
    async def change(actor: Actor, *, what: str) -> str:
        effects.begun.set()
        if effects.hang:
            await effects.hang.wait()
        if effects.error:
            raise effects.error
        effects.done.append(what)
        return f"{what} is changed"

    yield change
    del guard.ACTIONS["tests.change"]


async def rows() -> list[tuple[str, str, str, str]]:
    def read() -> list[tuple[str, str, str, str]]:
        entries = AuditEntry.objects.order_by("seq")
        return [(e.actor, e.target, e.outcome, e.record["detail"]) for e in entries]

    return await in_database(read)


async def test_it_says_beforehand_whether_somebody_may(
    operator: Actor, viewer: Actor, effects: Effects, change: guard.Run[..., str]
) -> None:
    await guard.check(operator, "tests.change", what="petstore")
    assert await rows() == []
    with pytest.raises(
        NotPermitted, match=r"victor is not allowed to do this: it requires .*change_policy"
    ):
        await guard.check(viewer, "tests.change", what="petstore")
    [(actor, _, outcome, _)] = await rows()
    assert (actor, outcome) == ("victor", "denied")
    assert effects.done == []


async def test_it_writes_the_intent_before_the_effect_and_the_outcome_after(
    operator: Actor, effects: Effects, change: guard.Run[..., str]
) -> None:
    effects.hang = asyncio.Event()
    task = asyncio.ensure_future(change(operator, what="petstore"))
    await effects.begun.wait()
    assert await rows() == [("olga", "demo/petstore", "started", "")]
    effects.hang.set()
    assert await task == "petstore is changed"
    assert (await rows())[1] == ("olga", "demo/petstore", "ok", "petstore is changed")


async def test_it_gives_both_rows_one_request_id(
    operator: Actor, change: guard.Run[..., str]
) -> None:
    await change(operator, what="petstore")
    ids = await in_database(lambda: set(AuditEntry.objects.values_list("request_id", flat=True)))
    assert len(ids) == 1 and "" not in ids


async def test_it_refuses_without_the_permission_and_leaves_a_row(
    viewer: Actor, effects: Effects, change: guard.Run[..., str]
) -> None:
    with pytest.raises(
        NotPermitted, match=r"victor is not allowed to do this: it requires .*change_policy"
    ):
        await change(viewer, what="petstore")
    assert effects.done == []
    assert [(row[0], row[2]) for row in await rows()] == [("victor", "denied")]


async def test_it_records_refusals_once_a_minute_for_an_actor(
    viewer: Actor, change: guard.Run[..., str]
) -> None:
    for _ in range(5):
        with pytest.raises(NotPermitted):
            await change(viewer, what="petstore")
    assert len(await rows()) == 1


async def test_it_refuses_an_inactive_person(
    person: Person, effects: Effects, change: guard.Run[..., str]
) -> None:
    actor = actor_of(await in_database(person, "ian", "operators", is_active=False))
    with pytest.raises(NotPermitted):
        await change(actor, what="petstore")
    assert effects.done == []


async def test_it_forgets_rights_with_the_cache(
    operator: Actor, change: guard.Run[..., str]
) -> None:
    await change(operator, what="petstore")
    await in_database(User.objects.filter(username=operator.name).update, is_active=False)
    rights.cache.expire(rights.cache.timer() + rights.SECONDS)
    with pytest.raises(NotPermitted):
        await change(operator, what="petstore")


async def test_it_records_a_failure_with_its_sentence(
    operator: Actor, effects: Effects, change: guard.Run[..., str]
) -> None:
    effects.error = BackendUnavailable("petstore-1 is down", backend="petstore-1")
    with pytest.raises(BackendUnavailable):
        await change(operator, what="petstore")
    assert (await rows())[1][2:] == ("failed", "petstore-1 is down")


async def test_it_records_a_crash_as_unknown_and_shows_no_trace_of_it(
    operator: Actor, effects: Effects, change: guard.Run[..., str]
) -> None:
    effects.error = ZeroDivisionError("secret inside")
    with pytest.raises(OpsError, match="something went wrong inside OpsPortal") as caught:
        await change(operator, what="petstore")
    assert "secret" not in str(caught.value)
    assert (await rows())[1][2] == "unknown"


async def test_it_records_a_cancelled_change_as_unknown(
    operator: Actor, effects: Effects, change: guard.Run[..., str]
) -> None:
    effects.hang = asyncio.Event()
    task = asyncio.ensure_future(change(operator, what="petstore"))
    await effects.begun.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert (await rows())[1][2] == "unknown"


async def test_it_ends_an_action_at_its_deadline(
    operator: Actor, effects: Effects, change: guard.Run[..., str]
) -> None:
    effects.hang = asyncio.Event()
    with pytest.raises(BackendTimeout, match=r"tests\.change took longer than 0\.2 s"):
        await change(operator, what="petstore")
    assert (await rows())[1][2] == "unknown"


async def test_it_changes_nothing_when_the_intent_cannot_be_written(
    operator: Actor, effects: Effects, change: guard.Run[..., str], no_audit_table: None
) -> None:
    with pytest.raises(OpsError, match="nothing was changed, because the audit log cannot be"):
        await change(operator, what="petstore")
    assert effects.done == []


@pytest.fixture
async def locked_log() -> AsyncIterator[threading.Event]:
    """Somebody else holds the audit log's lock until the event is set."""
    held, release = threading.Event(), threading.Event()

    def hold() -> None:
        with transaction.atomic():
            chain._lock()
            held.set()
            release.wait()

    holding = asyncio.ensure_future(in_database(hold))
    await asyncio.to_thread(held.wait)
    yield release
    release.set()
    await holding


async def test_it_closes_what_was_given_up_and_still_got_written(
    operator: Actor,
    effects: Effects,
    change: guard.Run[..., str],
    locked_log: threading.Event,
    settings: Settings,
) -> None:
    settings.PATIENCE = 1.0
    refused = r"nothing was (done|changed)[:,] "
    with pytest.raises((DatabaseUnavailable, Busy), match=refused):
        await change(operator, what="petstore")
    locked_log.set()
    await asyncio.gather(*owed.tasks)
    assert effects.done == []
    closed = [("started", ""), ("failed", "given up before the effect: nothing was changed")]
    # PostgreSQL gives the statement up by itself, so that nothing is written later.
    assert [row[2:] for row in await rows()] == (closed if connection.vendor == "sqlite" else [])


async def test_it_closes_a_start_whose_confirmation_was_lost(operator: Actor) -> None:
    async def append(outcome: Outcome) -> AuditEntry:
        return await in_database(chain.append, operator, "tests.change", "x", outcome)

    async def start() -> None:
        await append(Outcome.STARTED)
        raise OperationalError("the connection was lost")

    async def never() -> None:
        raise OperationalError("the connection was lost")

    for writing in (start, never):
        lost = asyncio.ensure_future(writing())
        owed.close(lost, "tests.change", partial(append, Outcome.FAILED))
        await asyncio.gather(*owed.tasks)
    assert [row[2] for row in await rows()] == ["started", "failed"]


async def test_it_writes_the_outcome_though_its_caller_is_cancelled_meanwhile(
    operator: Actor,
) -> None:
    begun, go_on = asyncio.Event(), asyncio.Event()

    async def record() -> None:
        begun.set()
        await go_on.wait()
        await in_database(chain.append, operator, "tests.change", "x", Outcome.OK)

    recording = asyncio.ensure_future(_record_outcome(record))
    await begun.wait()
    recording.cancel()
    with pytest.raises(asyncio.CancelledError):
        await recording
    go_on.set()
    await asyncio.gather(*owed.tasks)
    assert [row[2] for row in await rows()] == ["ok"]


async def test_it_writes_the_outcome_once_the_database_takes_it_again(operator: Actor) -> None:
    tries = []

    async def record() -> None:
        tries.append(1)
        if len(tries) == 1:
            raise OperationalError("no space is left")
        await in_database(chain.append, operator, "tests.change", "x", Outcome.OK)

    with pytest.raises(OperationalError):
        await owed.written(record)
    await asyncio.gather(*owed.tasks)
    assert [row[2] for row in await rows()] == ["ok"]


async def test_it_says_so_when_the_database_fails_amid_a_change(
    operator: Actor, effects: Effects, change: guard.Run[..., str]
) -> None:
    effects.error = OperationalError("the connection was lost")
    with pytest.raises(OpsError, match="we don't know whether this change was made"):
        await change(operator, what="petstore")
    assert (await rows())[1][2] == "unknown"


async def test_it_refuses_even_when_the_refusal_cannot_be_written(
    viewer: Actor, effects: Effects, change: guard.Run[..., str], no_audit_table: None
) -> None:
    with pytest.raises(NotPermitted):
        await change(viewer, what="petstore")
    assert effects.done == []


async def test_it_never_lets_a_row_hold_more_than_the_arguments(
    operator: Actor, change: guard.Run[..., str]
) -> None:
    await change(operator, what="petstore")
    entry = await in_database(AuditEntry.objects.get, outcome=Outcome.OK)
    assert entry.record["parameters"] == {"what": "petstore"}
    assert (
        await in_database(lambda: [s for s in chain.verify() if isinstance(s, chain.Fault)]) == []
    )


async def test_it_announces_a_change_once_its_outcome_is_recorded(
    operator: Actor, viewer: Actor, effects: Effects, change: guard.Run[..., str]
) -> None:
    announced: list[tuple[str, str, str]] = []

    def note(site: str, subject: str) -> None:
        with ThreadPoolExecutor() as thread:  # the ORM wants a thread without a loop
            last = thread.submit(lambda: AuditEntry.objects.order_by("seq").last()).result()
        announced.append((site, subject, last.outcome if last else ""))

    guard.announce_with(note)
    try:
        await change(operator, what="petstore")
        effects.error = BackendUnavailable("petstore did not answer", backend="petstore")
        with pytest.raises(BackendUnavailable):
            await change(operator, what="petstore")
        with pytest.raises(NotPermitted):
            await change(viewer, what="petstore")
    finally:
        guard.announce_with(notices.announce)
    assert announced == [("", "pets", "ok"), ("", "pets", "failed")]
