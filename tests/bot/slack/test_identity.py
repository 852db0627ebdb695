from typing import Any

import pytest
from django.contrib.auth.models import User
from pytest_django import Settings

from bot.slack.identity import Profile, find_author, read_profile
from bot.slack.trust import Trust
from ops import rights
from ops.accounts.models import Identity
from ops.actor import Door
from ops.audit.models import AuditEntry
from ops.database import in_database
from tests.conftest import Person
from tests.fakes.slack import ALICE, TEAM, FakeSlack
from tests.fakes.slack import person as slack_user

ORIGIN = {"slack_user": ALICE, "slack_team": TEAM}
OUTSIDERS = [
    ({"is_bot": True}, "you are a bot"),
    ({"deleted": True}, "your Slack account is deactivated"),
    ({"is_restricted": True}, "you are a guest in this Slack workspace"),
    ({"is_ultra_restricted": True}, "you are a guest in this Slack workspace"),
    ({"team_id": "T0OTHER01"}, "you are from another Slack workspace"),
    ({"is_stranger": True}, "you are from another Slack workspace"),
]


def profile(**differently: Any) -> Profile:
    return read_profile(slack_user(ALICE, "alice", **differently), Trust(TEAM))


def link(user: User) -> Identity:
    return Identity.objects.create(slack_user_id=ALICE, slack_team_id=TEAM, user=user)


def test_it_finds_the_linked_person(person: Person) -> None:
    user = person("olga")
    link(user)
    writer = find_author(profile(), ORIGIN)
    assert (writer.stranger, writer.newcomer) == ("", None)
    actor = writer.actor
    assert (actor.user_id, actor.name, actor.door) == (user.pk, "olga", Door.SLACK)
    assert actor.origin == ORIGIN


@pytest.mark.parametrize(
    ("tz", "zone"),
    [("America/New_York", "America/New_York"), (None, "UTC"), ("../etc/passwd", "UTC"), (7, "UTC")],
)
def test_it_reads_the_time_zone_that_somebody_set(tz: object, zone: str) -> None:
    assert profile(tz=tz).zone.key == zone


def test_it_does_not_know_somebody_without_a_link(person: Person) -> None:
    person("alice")
    writer = find_author(profile(), ORIGIN)
    assert writer.actor.user_id is None
    assert writer.actor.name == "alice (U0ALICE01)"
    assert writer.stranger == "your Slack account is not linked to an OpsPortal user"
    assert writer.newcomer == profile().account


def test_it_does_not_take_a_link_of_another_workspace(person: Person) -> None:
    Identity.objects.create(slack_user_id=ALICE, slack_team_id="T0OTHER01", user=person("olga"))
    assert find_author(profile(), ORIGIN).actor.user_id is None


def test_it_does_not_know_a_person_who_was_deactivated(person: Person) -> None:
    link(person("olga", is_active=False))
    writer = find_author(profile(), ORIGIN)
    assert writer.actor.user_id is None
    assert (writer.stranger, writer.newcomer) == ("your account here is deactivated", None)


@pytest.mark.parametrize(("differently", "reason"), OUTSIDERS)
def test_it_refuses_outsiders_even_when_linked(
    person: Person, settings: Settings, differently: dict[str, Any], reason: str
) -> None:
    settings.SLACK_MATCH_EMAIL = True
    link(person("alice"))
    assert find_author(profile(**differently), ORIGIN).stranger == reason
    Identity.objects.all().delete()
    writer = find_author(profile(**differently), ORIGIN)
    assert (writer.stranger, writer.newcomer) == (reason, None)
    assert not Identity.objects.exists()


@pytest.mark.parametrize("odd", [None, "x", ["x"], 7])
def test_it_reads_a_profile_of_any_shape(odd: object) -> None:
    user = {**slack_user(ALICE, "alice"), "profile": odd, "name": odd}
    found = read_profile(user, Trust(TEAM))
    assert (found.email, found.outsider) == ("", "")
    assert found.account.name


def test_it_links_the_one_person_with_the_same_email(person: Person, settings: Settings) -> None:
    settings.SLACK_MATCH_EMAIL = True
    user = person("alice")
    User.objects.filter(pk=user.pk).update(email="ALICE@Example.com")
    writer = find_author(profile(), ORIGIN)
    assert (writer.actor.user_id, writer.stranger) == (user.pk, "")
    assert str(Identity.objects.get()) == f"{TEAM}/{ALICE}"
    entry = AuditEntry.objects.get()
    assert (entry.actor, entry.door, entry.action) == ("alice", "slack", "accounts.link_same_email")
    assert entry.target == f"identity/{TEAM}/{ALICE}"
    find_author(profile(), ORIGIN)
    assert AuditEntry.objects.count() == 1, "and that once"


@pytest.mark.parametrize("matching", [True, False])
def test_it_keeps_a_link_that_was_set_by_hand(
    person: Person, settings: Settings, matching: bool
) -> None:
    settings.SLACK_MATCH_EMAIL = matching
    person("alice")
    other = person("olga")
    link(other)
    assert find_author(profile(), ORIGIN).actor.user_id == other.pk


def test_it_links_nobody_where_the_setting_does_not_allow_it(person: Person) -> None:
    person("alice")
    assert find_author(profile(), ORIGIN).actor.user_id is None


@pytest.mark.parametrize("email", ["", "alice@elsewhere.example"])
def test_it_links_nobody_without_the_same_email(
    person: Person, settings: Settings, email: str
) -> None:
    settings.SLACK_MATCH_EMAIL = True
    User.objects.filter(pk=person("bob").pk).update(email="")
    person("alice")
    assert find_author(profile(profile={"email": email}), ORIGIN).actor.user_id is None


def test_it_links_nobody_with_an_unconfirmed_email(person: Person, settings: Settings) -> None:
    settings.SLACK_MATCH_EMAIL = True
    person("alice")
    assert find_author(profile(is_email_confirmed=False), ORIGIN).actor.user_id is None


def test_it_links_neither_of_two_people_with_one_email(person: Person, settings: Settings) -> None:
    settings.SLACK_MATCH_EMAIL = True
    person("alice")
    User.objects.filter(pk=person("bob").pk).update(email="alice@example.com")
    assert find_author(profile(), ORIGIN).actor.user_id is None
    assert not Identity.objects.exists()


def test_it_links_no_deactivated_person(person: Person, settings: Settings) -> None:
    settings.SLACK_MATCH_EMAIL = True
    person("alice", is_active=False)
    assert find_author(profile(), ORIGIN).actor.user_id is None


async def test_it_tells_a_stranger_so_and_records_what_they_tried(slack: FakeSlack) -> None:
    await slack.mention(ALICE, "change sampling always")
    [post] = await slack.posted(1)
    reason = "your Slack account is not linked to an OpsPortal user"
    assert post.shown.startswith(f"I cannot help you: {reason}\nWrite ")
    entry = await in_database(AuditEntry.objects.get)
    assert (entry.actor, entry.outcome) == ("alice (U0ALICE01)", "denied")
    assert entry.record["origin"]["slack_user"] == ALICE


async def test_it_tells_a_stranger_nothing_else(slack: FakeSlack) -> None:
    for number, text in enumerate(("help", "list traces", "what?"), 1):
        await slack.mention(ALICE, text)
        post = (await slack.posted(number))[-1]
        assert post.shown.startswith("I cannot help you")
        assert "list traces" not in post.shown


async def test_it_tells_somebody_whom_slack_does_not_show(slack: FakeSlack) -> None:
    await slack.mention("U0GHOST01", "alerts")
    [post] = await slack.posted(1)
    assert "I cannot help you: Slack does not identify you" in post.shown


async def test_it_stops_serving_somebody_who_was_deactivated(slack: FakeSlack, alice: User) -> None:
    await slack.mention(ALICE, "help")
    await slack.posted(1)
    await in_database(User.objects.filter(pk=alice.pk).update, is_active=False)
    rights.cache.clear()
    await slack.mention(ALICE, "change sampling always")
    _, post = await slack.posted(2)
    assert "your account here is deactivated" in post.shown


async def test_it_matches_by_email_end_to_end(
    slack: FakeSlack, person: Person, tokens: Settings
) -> None:
    tokens.SLACK_MATCH_EMAIL = True
    slack.scopes.add("users:read.email")
    await in_database(person, "alice", "viewers")
    await slack.mention(ALICE, "change sampling always")
    [post] = await slack.posted(1)
    assert (
        "Not permitted: alice is not allowed to do this: it requires the permission" in post.shown
    )
