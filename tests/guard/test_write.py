"""A write changes our own database together with its audit row, or not at all."""

from collections.abc import Callable, Iterator

import pytest
from django.contrib.auth.models import Group, User
from django.db import IntegrityError

from ops import guard, rights
from ops.actor import OPSPORTAL, Actor, Door
from ops.audit.models import AuditEntry
from ops.database import in_database
from ops.errors import Conflict, InvalidInput, NotPermitted
from ops.limits import Secret

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def make() -> Iterator[guard.Write[..., str]]:
    """A write that makes a group, and fails for some names."""

    @guard.write(
        "tests.make", permission="sampling.change_policy", target=lambda name, **_: f"group/{name}"
    )
    def make(actor: Actor, *, name: str, word: str = "") -> str:
        Group.objects.create(name=name)
        if name == "odd":
            raise Conflict("odd groups are not possible")
        return name

    yield make
    del guard.ACTIONS["tests.make"]


async def rows() -> list[tuple[str, str, str]]:
    entries = AuditEntry.objects.order_by("seq")
    return [(e.action, e.target, e.outcome) for e in await in_database(list, entries)]


async def made() -> set[str]:
    names = Group.objects.values_list("name", flat=True)
    return {"even", "odd"} & set(await in_database(list, names))


async def test_it_writes_one_row_with_the_change(
    operator: Actor, make: guard.Write[..., str]
) -> None:
    assert await in_database(make, operator, name="even", word=Secret("opensesame")) == "even"
    assert await rows() == [("tests.make", "group/even", "ok")]
    assert await made() == {"even"}
    entry = await in_database(AuditEntry.objects.get)
    assert entry.record["parameters"] == {"name": "even"}
    assert "opensesame" not in entry.text


async def test_it_writes_neither_if_the_change_fails(
    operator: Actor, make: guard.Write[..., str]
) -> None:
    with pytest.raises(Conflict):
        await in_database(make, operator, name="odd")
    assert (await rows(), await made()) == ([], set())


async def test_it_changes_nothing_if_the_row_cannot_be_written(
    operator: Actor, make: guard.Write[..., str], no_audit_table: None
) -> None:
    with pytest.raises(Exception, match="table is missing"):
        await in_database(make, operator, name="even")
    assert await made() == set()


async def test_it_lets_the_databases_errors_pass(
    operator: Actor, make: guard.Write[..., str]
) -> None:
    await in_database(make, operator, name="even")
    with pytest.raises(IntegrityError):
        await in_database(make, operator, name="even")
    assert len(await rows()) == 1


async def test_it_refuses_without_the_permission_and_leaves_one_row_a_minute(
    viewer: Actor, make: guard.Write[..., str]
) -> None:
    for _ in range(2):
        with pytest.raises(NotPermitted, match=r"it requires the permission sampling"):
            await in_database(make, viewer, name="even")
    assert await rows() == [("tests.make", "", "denied")]
    assert await made() == set()


async def test_it_asks_for_the_rights_of_now(operator: Actor, make: guard.Write[..., str]) -> None:
    """Nothing may wait on a database thread for what another one reads."""
    assert operator.user_id is not None
    await rights.rights_of(operator.user_id)
    user = await in_database(User.objects.get, pk=operator.user_id)
    await in_database(user.groups.clear)
    with pytest.raises(NotPermitted):
        await in_database(make, operator, name="even")


async def test_it_refuses_arguments_that_are_too_large(
    operator: Actor, make: guard.Write[..., str]
) -> None:
    with pytest.raises(InvalidInput, match="4,001 characters"):
        await in_database(make, operator, name="x" * 4_001)
    assert await rows() == []


WHO: dict[str, Callable[[Actor], Actor]] = {
    "person": lambda operator: operator,
    "token": lambda operator: Actor(operator.user_id, "ci", Door.GRPC),
    "slack": lambda _: Actor(None, "bob", Door.SLACK, origin={"slack_user": "U0BOB0001"}),
    "slack without an account": lambda _: Actor(None, "bob", Door.SLACK),
    "browser": lambda _: Actor(None, "", Door.BROWSER, origin={"slack_user": "U0BOB0001"}),
    "shell": lambda _: Actor(None, "root", Door.SHELL),
    "itself": lambda _: OPSPORTAL,
}
MAY: dict[guard.Permission, set[str]] = {
    guard.ANY_PERSON: {"person", "token"},
    guard.SLACK_ACCOUNT: {"slack"},
    guard.SHELL: {"shell"},
    guard.OPSPORTAL: {"itself"},
}


@pytest.mark.parametrize("standing", MAY, ids=str)
@pytest.mark.parametrize("who", WHO)
async def test_a_standing_is_held_by_these_alone(
    operator: Actor, standing: guard.Permission, who: str
) -> None:
    @guard.action("tests.stand", permission=standing)
    async def stand(actor: Actor) -> bool:
        return True

    actor = WHO[who](operator)
    try:
        if who in MAY[standing]:
            assert await stand(actor)
        else:
            with pytest.raises(NotPermitted, match=f"it requires {standing}"):
                await stand(actor)
    finally:
        del guard.ACTIONS["tests.stand"]
