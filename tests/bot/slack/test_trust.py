"""Enterprise Grid: who is trusted, and that one person is the same in all workspaces."""

import asyncio
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.management.base import CommandError
from pytest_django import Settings

from bot.models import BotProcess
from bot.slack.checkup import check_slack
from bot.slack.identity import ELSEWHERE, find_author, read_profile
from bot.slack.process import run_bot
from bot.slack.status import report
from bot.slack.trust import Trust, installed, read_trust
from ops.accounts.models import Identity
from ops.database import in_database
from tests.bot.conftest import QUICK, Workspace, until_stored
from tests.conftest import Person
from tests.fakes.jaeger import ANY_JAEGER
from tests.fakes.slack import ALICE, ORGANIZATION, SIBLING, TEAM, FakeSlack, member, person

OTHER, FOREIGN = "T0OTHER01", "E0ENEMY01"
HOME = Trust(TEAM, ORGANIZATION)
NAMED = Trust(TEAM, ORGANIZATION, named=frozenset({SIBLING}))
WHOLE = Trust(TEAM, ORGANIZATION, named=frozenset({ORGANIZATION}))
ORG_WIDE = Trust("", ORGANIZATION, named=frozenset({SIBLING}))
GLOBAL = "W0ALICE01"
ORIGIN: dict[str, str] = {}


def inside(**differently: Any) -> dict[str, Any]:
    """Return a member of the sibling workspace, of whom Slack says something else."""
    user = member(ALICE, "alice", SIBLING)
    return {**user, "enterprise_user": {**user["enterprise_user"], **differently}}


@pytest.mark.parametrize(
    ("user", "trusted_by"),
    [
        (person(ALICE, "alice"), {"home", "named", "whole"}),
        (member(ALICE, "alice", TEAM), {"home", "named", "whole"}),
        (member(ALICE, "alice", SIBLING), {"named", "whole", "org-wide"}),
        (member(ALICE, "alice", OTHER), {"whole"}),
        (member(ALICE, "alice", OTHER, SIBLING), {"named", "whole", "org-wide"}),
        (member(ALICE, "alice", OTHER, TEAM), {"home", "named", "whole"}),
        (inside() | {"team_id": ORGANIZATION}, {"named", "whole", "org-wide"}),
        # People of other organizations, and those of whom Slack says too little.
        (inside(enterprise_id=FOREIGN), set()),
        (inside(enterprise_id=""), set()),
        (inside(enterprise_id=[ORGANIZATION]), set()),
        (inside(id=None), set()),
        (inside(id="U0\0"), set()),
        (inside(teams=[*(f"T{n}" for n in range(9_999)), SIBLING]), set()),
        (inside(teams=[]), set()),
        (inside(teams=None), set()),
        (inside(teams=[None, 7]), set()),
        (inside(teams=SIBLING), set()),
        (inside(teams=[TEAM]), set()),
        (inside() | {"team_id": None}, set()),
        (inside() | {"enterprise_user": None}, set()),
        (inside() | {"enterprise_user": [SIBLING]}, set()),
        (inside() | {"enterprise_id": ORGANIZATION, "enterprise_user": {}}, set()),
        (inside() | {"is_stranger": True}, set()),
        (person(ALICE, "alice", team_id=SIBLING), set()),
        (person(ALICE, "alice", team_id=ORGANIZATION), set()),
    ],
)  # fmt: skip
def test_only_members_of_a_trusted_workspace_are_not_outsiders(
    user: dict[str, Any], trusted_by: set[str]
) -> None:
    trusts = {"home": HOME, "named": NAMED, "whole": WHOLE, "org-wide": ORG_WIDE}
    found = {name: read_profile(user, trust).outsider for name, trust in trusts.items()}
    assert found == {name: "" if name in trusted_by else ELSEWHERE for name in trusts}


@pytest.mark.parametrize("trust", [HOME, NAMED, WHOLE])
@pytest.mark.parametrize(
    ("differently", "reason"),
    [
        ({"is_restricted": True}, "you are a guest in this Slack workspace"),
        ({"is_ultra_restricted": True}, "you are a guest in this Slack workspace"),
        ({"is_restricted": None}, "Slack does not say whether you are a guest"),
        ({"is_ultra_restricted": None}, "Slack does not say whether you are a guest"),
        ({"deleted": True}, "your Slack account is deactivated"),
    ],
)
def test_guests_are_nobody_in_any_workspace(
    trust: Trust, differently: dict[str, Any], reason: str
) -> None:
    assert read_profile(member(ALICE, "alice", TEAM, **differently), trust).outsider == reason


@pytest.mark.parametrize(
    ("trust", "team", "refused"),
    [
        (HOME, SIBLING, True), (HOME, ORGANIZATION, False), (HOME, FOREIGN, True),
        (NAMED, SIBLING, False), (NAMED, OTHER, True),
        (WHOLE, OTHER, False), (ORG_WIDE, TEAM, True), (Trust(TEAM), ORGANIZATION, True),
    ],
)  # fmt: skip
def test_an_event_of_another_workspace_is_refused_before_its_author_is_looked_up(
    trust: Trust, team: str, refused: bool
) -> None:
    assert trust.foreign(["", team]) == (team if refused else "")


def test_an_event_may_not_name_another_workspace_than_its_authors() -> None:
    author = read_profile(member(ALICE, "alice", OTHER), WHOLE).member
    assert WHOLE.contradiction(["", ORGANIZATION, OTHER, TEAM], author) == ""
    assert WHOLE.contradiction([OTHER, "T0ENEMY01"], author) == "T0ENEMY01"


@pytest.mark.parametrize(
    ("me", "named", "problem"),
    [
        ({"team_id": TEAM}, [], ""),
        ({"team_id": TEAM, "enterprise_id": ORGANIZATION}, [SIBLING, ORGANIZATION], ""),
        ({"team_id": TEAM}, [TEAM], ""),
        ({"team_id": TEAM}, [SIBLING], "names T0LABS001, but the Slack app's workspace T0ACME001"),
        ({"team_id": TEAM}, [ORGANIZATION], "E0ACME001, but the Slack app is not in an organ"),
        ({"team_id": TEAM, "enterprise_id": FOREIGN}, [ORGANIZATION], "app is in E0ENEMY01"),
        ({"team_id": ORGANIZATION}, [], "is installed for the whole organization E0ACME001: set"),
        ({"team_id": TEAM, "enterprise_id": ORGANIZATION, "is_enterprise_install": True}, [],
         "set OPSPORTAL_SLACK_WORKSPACES to E0ACME001, or to the IDs"),
        ({"team_id": ORGANIZATION, "is_enterprise_install": True}, [SIBLING], ""),
    ],
)  # fmt: skip
def test_it_names_what_is_wrong_with_the_setting(
    me: dict[str, Any], named: list[str], problem: str
) -> None:
    found = read_trust(me, named).problem
    assert problem in found
    assert bool(found) == bool(problem)


@pytest.mark.parametrize(
    ("linked", "same"),
    [
        ((TEAM, ALICE), True),  # by an earlier release, in the workspace that Slack names first
        ((SIBLING, GLOBAL), True),
        ((TEAM, GLOBAL), True),
        ((ORGANIZATION, GLOBAL), True),
        ((SIBLING, ALICE), False),  # there, this ID may be somebody else's
        ((OTHER, GLOBAL), False),
        ((FOREIGN, GLOBAL), False),
    ],
)
def test_a_person_linked_in_one_workspace_is_the_same_in_the_others(
    person: Person, linked: tuple[str, str], same: bool
) -> None:
    user = member(ALICE, "alice", TEAM, SIBLING)
    user["enterprise_user"]["id"] = GLOBAL
    olga = person("olga")
    Identity.objects.create(slack_team_id=linked[0], slack_user_id=linked[1], user=olga)
    found = find_author(read_profile(user, WHOLE), ORIGIN)
    assert found.actor.user_id == (olga.pk if same else None)


def test_two_links_of_one_person_that_disagree_are_nobody(person: Person) -> None:
    for team, user in ((TEAM, person("olga")), (SIBLING, person("root"))):
        Identity.objects.create(slack_team_id=team, slack_user_id=ALICE, user=user)
    found = find_author(read_profile(member(ALICE, "alice", TEAM, SIBLING), WHOLE), ORIGIN)
    assert (found.actor.user_id, found.newcomer) == (None, None)
    assert "linked to different OpsPortal users" in found.stranger


def test_a_new_link_holds_in_the_whole_organization_if_other_workspaces_are_trusted() -> None:
    user = member(ALICE, "alice", SIBLING)
    assert str(read_profile(user, NAMED).account) == f"alice in Acme Corp (E0ACME001/{ALICE})"
    assert read_profile(member(ALICE, "alice", TEAM), HOME).account.key == f"{TEAM}/{ALICE}"


def test_it_lists_where_an_organizations_app_was_added() -> None:
    teams = [{"id": SIBLING, "name": "Labs"}, *({"id": f"T{n}", "name": "x"} for n in range(12))]
    assert installed(teams, ORG_WIDE).sentence.startswith("the app is added to Labs (T0LABS001), x")
    assert installed(teams, ORG_WIDE).sentence.endswith("(T8) and 3 more")
    for odd in (None, [], [7], "x"):
        assert "is not added to T0LABS001: add it" in installed(odd, ORG_WIDE).sentence
        assert "is not added to any workspace" in installed(odd, WHOLE).sentence


def organization(*, org_wide: bool) -> FakeSlack:
    slack = FakeSlack()
    slack.enterprise, slack.org_wide = ORGANIZATION, org_wide
    slack.users[ALICE] = member(ALICE, "alice", SIBLING)
    return slack


@ANY_JAEGER
@pytest.mark.parametrize("org_wide", [False, True])
async def test_people_of_the_organization_mention_write_press_and_type(
    workspace: Workspace, tokens: Settings, alice: User, org_wide: bool
) -> None:
    tokens.SLACK_WORKSPACES = [ORGANIZATION]
    await in_database(Identity.objects.update, slack_team_id=SIBLING)
    async with workspace(organization(org_wide=org_wide)) as slack:
        teams = {"team": SIBLING, "user_team": SIBLING, "source_team": SIBLING}
        await slack.mention(ALICE, "change sampling always", **teams)
        [card] = await slack.posted(1)
        await slack.press(ALICE, card, "Cancel")
        assert "ancelled" in (await slack.replaced(card.ts)).shown
        await slack.direct(ALICE, "help", team=ORGANIZATION)
        assert (await slack.posted(2))[1].shown.startswith("Commands")
        await slack.slash(ALICE, "help")
        [whisper] = await slack.whispered(1)
        assert whisper.shown.startswith("Commands")
        await slack.open_home(ALICE)
        await slack.published(ALICE)
        await until_stored(BotProcess.objects.exclude(trusts="").exists)
        standing = (await report()).standing  # type: ignore[union-attr]
        assert standing.endswith(f"used by all workspaces of the organization {ORGANIZATION}")
    assert slack.violations == []


@pytest.mark.parametrize(
    "event",
    [
        {"team": OTHER},
        {"team": SIBLING, "user_team": OTHER},
        {"team": SIBLING, "user_team": SIBLING, "source_team": OTHER},
        {"team": FOREIGN},
    ],
)
async def test_an_event_that_names_somebody_elses_workspace_is_refused(
    workspace: Workspace, tokens: Settings, alice: User, event: dict[str, str]
) -> None:
    tokens.SLACK_WORKSPACES = [ORGANIZATION]
    await in_database(Identity.objects.update, slack_team_id=SIBLING)
    async with workspace(organization(org_wide=False)) as slack:
        await slack.mention(ALICE, f"change sampling always source_team={SIBLING}", **event)
        [post] = await slack.posted(1)
        assert post.shown.startswith(f"I cannot help you: {ELSEWHERE}")


@pytest.mark.parametrize("wrapper", [{"authorizations": None}, {"authorizations": [7]}, {}])
async def test_the_siblings_of_a_workspace_are_strangers_unless_they_are_named(
    workspace: Workspace, alice: User, wrapper: dict[str, Any]
) -> None:
    async with workspace(organization(org_wide=False)) as slack:
        await slack.deliver(slack.mention_event(ALICE, "help"), **wrapper)
        [post] = await slack.posted(1)
        assert post.shown.startswith(f"I cannot help you: {ELSEWHERE}")


@pytest.mark.django_db(transaction=True)
async def test_it_does_not_start_without_knowing_whom_an_organizations_app_may_serve(
    tokens: Settings,
) -> None:
    async with organization(org_wide=True) as slack:
        tokens.SLACK_API_URL = slack.api_url

        with pytest.raises(CommandError, match="is installed for the whole organization"):
            await run_bot(asyncio.Event(), QUICK)


async def test_the_check_says_whose_members_can_use_the_bot(tokens: Settings) -> None:
    async with organization(org_wide=False) as slack:
        tokens.SLACK_API_URL = slack.api_url
        assert [each.sentence for each in await check_slack()][2] == (
            "members of workspace T0ACME001 can use the bot; OPSPORTAL_SLACK_WORKSPACES can name "
            "more of E0ACME001"
        )
        tokens.SLACK_WORKSPACES = [FOREIGN]
        assert (await check_slack())[2].well is False
        slack.org_wide, tokens.SLACK_WORKSPACES = True, [TEAM, SIBLING]
        trusted, added = (await check_slack())[2:4]
        assert trusted.sentence == "members of workspaces T0ACME001, T0LABS001 can use the bot"
        assert added.sentence == (
            "the app is not added to T0LABS001: add it, https://app.slack.com/manage/E0ACME001"
        )
