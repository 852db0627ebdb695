"""A change asks first, on a card that works only once: who decides, and what it then says."""

import pytest
from django.contrib.auth.models import User
from grpc import StatusCode
from pytest_django import Settings

from bot import console
from ops import rights
from ops.audit.models import AuditEntry
from ops.database import in_database
from ops.requests.models import State as RequestState
from tests.bot.conftest import SITES, Backends, Workspace, another_bot
from tests.bot.slack.cards.asking import (
    NOTHING,
    TOLD,
    asked,
    at_console,
    linked,
    request,
    told,
    until_state,
)
from tests.bot.slack.test_delivery import until_ended
from tests.conftest import Person, SiteFile
from tests.fakes.slack import ALICE, BOB, CHANNEL, TEAM, FakeSlack

pytestmark = pytest.mark.django_db(transaction=True)


async def test_it_shows_what_would_change_and_changes_nothing(
    slack: FakeSlack, alice: User, backends: Backends
) -> None:
    post = await asked(slack)
    assert post.shown.startswith(
        "Change sampling of petstore: unknown -> 10% on 3 instances?\n"
        "Keeps 10% of the traces that start in petstore; the current setting is unknown."
    )
    assert "Requested by alice; open for 5 minutes, until " in post.shown
    assert post.shown.endswith("[Apply]  [Cancel]")
    assert told(backends) == NOTHING
    assert await in_database(AuditEntry.objects.count) == 0
    assert slack.violations == []


async def test_it_is_applied_by_who_asked_and_says_so_in_place(
    slack: FakeSlack, alice: User, backends: Backends, settings: Settings
) -> None:
    settings.PUBLIC_URL = "https://ops.example.com"
    post = await asked(slack)
    pressed = await slack.press(ALICE, post, "Apply")
    await slack.replaced(post.ts)
    assert post.shown.startswith(
        "Sampling of petstore: unknown -> 10%, confirmed by 3 of 3 instances\n"
    )
    assert backends.instances[0].address in post.shown
    assert "Applied by alice at " in post.shown
    assert "requested by alice" in post.shown
    assert post.shown.endswith("\nsampling"), "the link to the page"
    assert not [block for block in post.blocks if block["type"] == "actions"]
    assert told(backends) == TOLD
    await until_state(RequestState.APPLIED)
    started, ok = await in_database(lambda: list(AuditEntry.objects.order_by("seq")))
    assert (started.outcome, ok.outcome) == ("started", "ok")
    assert started.record["origin"] == {
        "slack_user": ALICE,
        "slack_team": TEAM,
        "channel": CHANNEL,
        "ts": post.ts,
        "event_id": pressed.envelope["payload"]["trigger_id"],
    }
    assert len(slack.posts) == 1
    assert slack.violations == []


async def test_it_is_applied_once_however_it_is_pressed(
    slack: FakeSlack, alice: User, person: Person, backends: Backends
) -> None:
    await linked(person, "bob", "approvers")
    post = await asked(slack)
    async with another_bot(slack):
        presses = [await slack.press(user, post, "Apply") for user in (ALICE, BOB, ALICE, BOB)]
        copies = [await slack.redeliver(each, attempt) for each in presses for attempt in (0, 1)]
        for each in (*presses, *copies):
            await each.acknowledged()
        await until_ended(5)
    assert told(backends) == TOLD
    assert await in_database(AuditEntry.objects.count) == 2
    assert "confirmed by 3 of 3" in post.shown


async def test_it_is_applied_by_who_may_approve(
    slack: FakeSlack, alice: User, person: Person, backends: Backends
) -> None:
    await linked(person, "bob", "approvers")
    post = await asked(slack)
    await slack.press(BOB, post, "Apply")
    await slack.replaced(post.ts)
    assert "Applied by bob at " in post.shown
    assert "requested by alice" in post.shown
    entry = await in_database(AuditEntry.objects.first)
    assert entry is not None
    assert (entry.actor, entry.action) == ("bob", "sampling.approve_change")
    assert entry.record["parameters"]["asked_by"] == "alice"
    assert entry.record["origin"]["slack_user"] == BOB
    assert told(backends) == TOLD


@pytest.mark.parametrize("label", ["Apply", "Cancel"])
@pytest.mark.parametrize("group", ["operators", "viewers", ""])
async def test_it_is_pressed_by_nobody_else(
    slack: FakeSlack, alice: User, person: Person, backends: Backends, group: str, label: str
) -> None:
    if group:
        await linked(person, "bob", group)
    post = await asked(slack)
    await slack.press(BOB, post, label)
    refusal = (await slack.posted(2))[1]
    assert refusal.thread_ts == post.thread_ts
    wanted = "Not permitted: bob is not allowed to do this" if group else "I cannot help you"
    assert refusal.shown.startswith(wanted)
    entry = await in_database(AuditEntry.objects.get)
    assert (entry.outcome, entry.record["origin"]["slack_user"]) == ("denied", BOB)
    assert (await request()).state == RequestState.OPEN
    await slack.press(ALICE, post, "Apply")
    await slack.replaced(post.ts)
    assert told(backends) == TOLD


@pytest.mark.parametrize(
    ("label", "shown"),
    [
        ("Approve", "Sampling of petstore: unknown -> 10%, confirmed by 3 of 3 instances"),
        ("Refuse", "Refused by bob at "),
    ],
)
async def test_above_the_ceiling_it_is_decided_by_somebody_else(
    slack: FakeSlack,
    alice: User,
    person: Person,
    backends: Backends,
    site_file: SiteFile,
    label: str,
    shown: str,
) -> None:
    version = 'version = "petstore_build_info"\n'
    site_file(SITES.format(**vars(backends)).replace(version, f"{version}sampling_ceiling = 50\n"))
    await linked(person, "bob", "approvers")
    post = await asked(slack)
    assert "Maybe over petstore's ceiling of 50 traces/s" in post.shown
    assert post.shown.endswith("[Approve]  [Refuse]")
    await slack.press(ALICE, post, "Approve")
    assert "you asked for this change" in (await slack.posted(2))[1].shown
    assert told(backends) == NOTHING

    await slack.press(BOB, post, label)

    await slack.replaced(post.ts)
    assert post.shown.startswith(shown)
    assert told(backends) == (TOLD if label == "Approve" else NOTHING)
    assert slack.violations == []


async def test_rights_count_when_it_is_pressed(
    slack: FakeSlack, alice: User, backends: Backends
) -> None:
    post = await asked(slack)
    await in_database(alice.groups.clear)
    rights.cache.clear()
    await slack.press(ALICE, post, "Apply")
    assert (await slack.posted(2))[1].shown.startswith(
        "Not permitted: alice is not allowed to do this"
    )
    assert told(backends) == NOTHING


async def test_it_is_cancelled(slack: FakeSlack, alice: User, backends: Backends) -> None:
    post = await asked(slack)
    await slack.press(ALICE, post, "Cancel")
    await slack.replaced(post.ts)
    assert post.shown.startswith("Cancelled by alice at ")
    await until_state(RequestState.CANCELLED)
    reply = await console.answer(at_console(alice), f"apply {(await request()).key}")
    assert reply.summary.startswith("Cancelled by alice")
    assert told(backends) == NOTHING


async def test_it_names_the_instances_that_did_not_confirm(
    slack: FakeSlack, alice: User, backends: Backends
) -> None:
    backends.instances[1].fails = StatusCode.INTERNAL
    post = await asked(slack)
    await slack.press(ALICE, post, "Apply")
    await slack.replaced(post.ts)
    assert post.shown.startswith(
        "Not every instance confirmed. Sampling of petstore: unknown -> 10%"
    )
    assert "NOT CONFIRMED" in post.shown
    assert "Applied by alice" in post.shown
    await until_state(RequestState.APPLIED)


async def test_it_says_who_and_when_beside_more_instances_than_a_message_holds(
    workspace: Workspace, alice: User, backends: Backends, site_file: SiteFile
) -> None:
    own = '"{instances[0].address}", "{instances[1].address}", "{instances[2].address}"'
    closed = ", ".join(f'"127.0.0.{number}:1"' for number in range(1, 81))
    site_file(SITES.replace(own, closed).format(**vars(backends)))
    async with workspace(FakeSlack()) as slack:
        post = await asked(slack)
        await slack.press(ALICE, post, "Apply")
        await slack.replaced(post.ts)
        assert "confirmed by 0 of 80 instances" in post.shown
        left = 80 - post.shown.count("NOT CONFIRMED")
        assert f"{left} more do not fit here" in post.shown
        assert "Applied by alice at " in post.shown
        assert len(slack.posts) == 1
        assert slack.violations == []


async def test_it_is_undone_with_a_button_where_it_was_changed_before(
    slack: FakeSlack, alice: User, backends: Backends
) -> None:
    await asked(slack, "change sampling always now")
    post = await asked(slack)
    await slack.press(ALICE, post, "Apply")
    await slack.replaced(post.ts)
    await slack.press(ALICE, post, "Undo")
    undo = (await slack.posted(3))[2]
    assert undo.shown.startswith("Sampling of petstore: 10% -> always, confirmed by 3 of 3")
    assert post.shown.startswith("Sampling of petstore: always -> 10%, confirmed by 3 of 3")
