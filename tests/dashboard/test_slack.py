import pytest
from django.contrib.auth.models import User
from django.test import AsyncClient
from pytest_django import Settings

from ops.accounts import linking
from ops.accounts.account import SlackAccount
from ops.accounts.actions import give_code
from ops.accounts.models import Identity
from ops.actor import Actor, Door
from ops.database import in_database
from tests.dashboard.places import Place, field, heading, link, text

ALICE = SlackAccount("T0ACME001", "U0ALICE01", "alice", "Acme")
ENTER, LINK, UNLINK = "/account/slack/", "/account/slack/link/", "/account/slack/unlink/"
pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def code(transactional_db: None) -> str:
    """A code that the bot gave to Alice."""
    alice = Actor(None, "alice", Door.SLACK, origin={"slack_user": ALICE.user_id})
    return give_code(alice, account=ALICE).shown


def identify(account: SlackAccount, username: str) -> None:
    Identity.objects.create(
        slack_team_id=account.team_id,
        slack_user_id=account.user_id,
        name=account.name,
        workspace=account.workspace,
        user=User.objects.get(username=username),
    )


async def test_who_has_no_rights_yet_links_too(
    place: Place, newcomer: AsyncClient, code: str
) -> None:
    account = await newcomer.get("/account/")
    assert "No Slack account linked" in text(account)
    assert link(account, "Link an account") == ENTER
    empty = await newcomer.get(ENTER)
    assert heading(empty) == "No Slack account linked"
    assert "send link to the bot" in text(empty)

    shown = await newcomer.post(ENTER, {"code": code.lower()})
    assert heading(shown) == "Link alice to your account?"
    form = {"code": field(shown, "code"), "account": field(shown, "account")}
    assert (await newcomer.post(LINK, form))["Location"] == ENTER
    assert "alice in Acme" in text(await newcomer.get("/account/"))


async def test_a_wrong_code_is_kept_and_explained(place: Place, viewer: AsyncClient) -> None:
    page = await viewer.post(ENTER, {"code": "K7QM-4RTD"})
    assert page.status_code == 404
    assert field(page, "code") == "K7QM-4RTD"
    assert "this code is wrong, expired or already used" in text(page)
    page = await viewer.post(ENTER, {"code": "<b>"})
    assert page.status_code == 400
    assert field(page, "code") == "<b>"
    assert "a code is eight letters and digits" in text(page)


async def test_a_code_that_is_gone_when_it_is_confirmed_is_explained(
    place: Place, viewer: AsyncClient, operator: AsyncClient, code: str
) -> None:
    await operator.post(LINK, {"code": code, "account": ALICE.key})
    late = await viewer.post(LINK, {"code": code, "account": ALICE.key})
    assert late.status_code == 404
    assert "already used" in text(late)
    nonsense = await viewer.post(LINK, {"code": "", "account": ALICE.key})
    assert nonsense.status_code == 400


async def test_who_guesses_too_often_waits(place: Place, viewer: AsyncClient, code: str) -> None:
    for _ in range(linking.GUESSES):
        await viewer.post(ENTER, {"code": "K7QM-4RTD"})
    page = await viewer.post(ENTER, {"code": code})
    assert page.status_code == 409
    assert "5 codes were wrong. Wait ten minutes before you try another" in text(page)


async def test_it_unlinks_ones_own(
    place: Place, viewer: AsyncClient, operator: AsyncClient
) -> None:
    await in_database(identify, ALICE, "victor")
    page = await viewer.get(ENTER)
    assert heading(page) == "1 Slack account linked"
    assert (await operator.post(UNLINK, {"account": ALICE.key})).status_code == 404
    assert await in_database(Identity.objects.exists)
    answer = await viewer.post(UNLINK, {"account": field(page, "account")})
    assert answer["Location"] == ENTER
    assert not await in_database(Identity.objects.exists)


async def test_it_says_so_when_the_next_message_links_again(
    place: Place, viewer: AsyncClient, settings: Settings
) -> None:
    await in_database(identify, ALICE, "victor")
    again = "is linked again with its next message"
    assert again not in text(await viewer.get(ENTER))
    settings.SLACK_MATCH_EMAIL = True
    assert again in text(await viewer.get(ENTER))


async def test_an_account_of_which_only_the_ids_are_known_has_those(
    place: Place, viewer: AsyncClient
) -> None:
    await in_database(identify, SlackAccount("T0ACME001", "U0BOB0001"), "victor")
    await in_database(identify, ALICE, "victor")
    page = await viewer.get(ENTER)
    assert heading(page) == "2 Slack accounts linked"
    assert "Unlink U0BOB0001" in text(page)
    assert "U0BOB0001 in T0ACME001" in text(await viewer.get("/account/"))


@pytest.mark.parametrize("address", [ENTER, LINK, UNLINK])
async def test_nothing_is_taken_from_another_sites_form(
    place: Place, viewer: AsyncClient, code: str, address: str
) -> None:
    await in_database(identify, SlackAccount("T0ACME001", "U0BOB0001"), "victor")
    strict = AsyncClient(enforce_csrf_checks=True)
    strict.cookies = viewer.cookies
    answer = await strict.post(address, {"code": code, "account": "T0ACME001/U0BOB0001"})
    assert answer.status_code == 403
    assert await in_database(Identity.objects.count) == 1


@pytest.mark.parametrize("address", [LINK, UNLINK])
async def test_following_a_link_changes_nothing(
    place: Place, viewer: AsyncClient, code: str, address: str
) -> None:
    await in_database(identify, SlackAccount("T0ACME001", "U0BOB0001"), "victor")
    for account in (ALICE.key, "T0ACME001/U0BOB0001"):
        answer = await viewer.get(address, {"code": code, "account": account})
        assert answer.status_code == 405
    assert await in_database(Identity.objects.count) == 1


@pytest.mark.parametrize("address", [ENTER, LINK, UNLINK])
async def test_it_is_for_people_who_are_signed_in(
    place: Place, stranger: AsyncClient, code: str, address: str
) -> None:
    answer = await stranger.post(address, {"code": code, "account": ALICE.key})
    assert answer["Location"].startswith("/account/login/")
    assert not await in_database(Identity.objects.exists)
