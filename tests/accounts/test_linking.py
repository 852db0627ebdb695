import asyncio
from datetime import timedelta

import pytest
from django.utils import timezone

from ops.accounts import actions, linking
from ops.accounts.account import SlackAccount
from ops.accounts.code import Code, new_code
from ops.accounts.models import Identity, LinkAttempt, LinkCode
from ops.actor import Actor, Door
from ops.audit.models import AuditEntry
from ops.database import in_database
from ops.errors import Conflict, NotFound, NotPermitted
from tests.conftest import Person, actor_of

ALICE = SlackAccount("T0ACME001", "U0ALICE01", "alice", "Acme")
BOB = SlackAccount("T0ACME001", "U0BOB0001", "bob", "Acme")
pytestmark = pytest.mark.django_db(transaction=True)


async def given(account: SlackAccount = ALICE) -> Code:
    return await in_database(actions.give_code, owner(account), account=account)


def owner(account: SlackAccount) -> Actor:
    return Actor(None, account.name, Door.SLACK, origin={"slack_user": account.user_id})


async def linked() -> list[tuple[str, str]]:
    def read() -> list[tuple[str, str]]:
        found = Identity.objects.select_related("user").order_by("pk")
        return [(identity.account.key, identity.user.username) for identity in found]

    return await in_database(read)


async def test_anybody_with_an_account_may_link_their_own(person: Person) -> None:
    nina = actor_of(await in_database(person, "nina"))
    code = await given()
    assert await actions.find_code(nina, code=code) == ALICE
    assert await actions.link(nina, code=code, account=ALICE.key) == ALICE
    assert await actions.slack_accounts(nina) == (ALICE,)
    assert await linked() == [(ALICE.key, "nina")]


async def test_nobody_may_who_was_deactivated(person: Person) -> None:
    nina = actor_of(await in_database(person, "nina", is_active=False))
    with pytest.raises(
        NotPermitted, match="nina is not allowed to do this: it requires an active account"
    ):
        await actions.link(nina, code=await given(), account=ALICE.key)
    assert await linked() == []


async def test_it_is_used_once(operator: Actor, viewer: Actor) -> None:
    code = await given()
    await actions.link(operator, code=code, account=ALICE.key)
    with pytest.raises(NotFound, match="already used"):
        await actions.link(viewer, code=code, account=ALICE.key)
    assert await linked() == [(ALICE.key, "olga")]


async def test_it_is_used_once_by_many_at_once(operator: Actor, viewer: Actor) -> None:
    code = await given()
    tries = [
        actions.link(actor, code=code, account=ALICE.key)
        for actor in (operator, viewer, operator, viewer)
    ]
    ends = await asyncio.gather(*tries, return_exceptions=True)
    assert sorted(isinstance(end, NotFound) for end in ends) == [False, True, True, True]
    assert len(await linked()) == 1


async def test_it_is_no_good_after_ten_minutes(operator: Actor) -> None:
    code = await given()
    await in_database(LinkCode.objects.update, made=timezone.now() - timedelta(minutes=10))
    with pytest.raises(NotFound):
        await actions.find_code(operator, code=code)
    with pytest.raises(NotFound):
        await actions.link(operator, code=code, account=ALICE.key)
    assert await linked() == []
    await given(BOB)
    assert await in_database(LinkCode.objects.count) == 1, "and nothing is left of it then"


async def test_it_links_no_account_but_the_one_that_was_shown(operator: Actor) -> None:
    code = await given(BOB)
    with pytest.raises(NotFound):
        await actions.link(operator, code=code, account=ALICE.key)
    assert await linked() == []


async def test_it_takes_no_account_away_from_somebody(operator: Actor, viewer: Actor) -> None:
    code = await given()
    await in_database(
        Identity.objects.create,
        slack_team_id=ALICE.team_id,
        slack_user_id=ALICE.user_id,
        user_id=viewer.user_id,
    )
    with pytest.raises(Conflict, match="is already linked to another user"):
        await actions.link(operator, code=code, account=ALICE.key)
    assert await linked() == [(ALICE.key, "victor")]


async def test_it_gives_no_code_for_an_account_that_is_linked(operator: Actor) -> None:
    await actions.link(operator, code=await given(), account=ALICE.key)
    with pytest.raises(Conflict, match="already linked"):
        await given()


async def test_who_guesses_has_five_tries(operator: Actor, viewer: Actor) -> None:
    code = await given()
    for _ in range(linking.GUESSES):
        with pytest.raises(NotFound):
            await actions.find_code(operator, code=new_code())
    for _ in range(3):
        with pytest.raises(Conflict, match="5 codes were wrong"):
            await actions.find_code(operator, code=code)
        with pytest.raises(Conflict, match="5 codes were wrong"):
            await actions.link(operator, code=code, account=ALICE.key)
    assert await actions.find_code(viewer, code=code) == ALICE, "others are not held up"
    denied = AuditEntry.objects.filter(outcome="denied").order_by("seq").values_list("action")
    assert await in_database(lambda: list(denied)) == [("accounts.find_code",), ("accounts.link",)]
    await in_database(LinkAttempt.objects.update, at=timezone.now() - timedelta(minutes=10))
    assert await actions.find_code(operator, code=code) == ALICE


async def test_who_guesses_at_once_has_no_more_tries(operator: Actor) -> None:
    tries = [actions.find_code(operator, code=new_code()) for _ in range(20)]
    ends = await asyncio.gather(*tries, return_exceptions=True)
    assert sum(isinstance(end, NotFound) for end in ends) <= linking.GUESSES
    assert {type(end) for end in ends} <= {NotFound, Conflict}


async def test_who_enters_good_codes_is_not_held_up(operator: Actor) -> None:
    code = await given()
    for _ in range(linking.GUESSES + 1):
        await actions.find_code(operator, code=code)
    assert await in_database(LinkAttempt.objects.count) == 0


async def test_it_unlinks_ones_own_and_no_others(operator: Actor, viewer: Actor) -> None:
    await actions.link(operator, code=await given(), account=ALICE.key)
    await actions.link(operator, code=await given(BOB), account=BOB.key)
    for account in (ALICE.key, "T0ACME001/U0GHOST01", "", "/"):
        with pytest.raises(NotFound, match="not linked to you"):
            await actions.unlink(viewer, account=account)
    await actions.unlink(operator, account=ALICE.key)
    assert await linked() == [(BOB.key, "olga")]
    assert await actions.slack_accounts(operator) == (BOB,)


async def test_the_audit_log_says_who_linked_and_unlinked_what_but_no_code(
    operator: Actor,
) -> None:
    code = await given()
    await actions.link(operator, code=code, account=ALICE.key)
    await actions.unlink(operator, account=ALICE.key)

    def read() -> list[AuditEntry]:
        return list(AuditEntry.objects.order_by("seq"))

    rows = await in_database(read)
    assert [(row.actor, row.action, row.outcome) for row in rows] == [
        ("alice", "accounts.give_code", "ok"),
        ("olga", "accounts.link", "started"),
        ("olga", "accounts.link", "ok"),
        ("olga", "accounts.unlink", "started"),
        ("olga", "accounts.unlink", "ok"),
    ]
    assert {row.target for row in rows} == {f"identity/{ALICE.key}"}
    assert rows[2].record["detail"] == f"alice in Acme ({ALICE.key})"
    assert not [row for row in rows if code.letters[:4] in row.text]
