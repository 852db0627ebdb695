"""A change asks first, on a card that works only once."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from django.contrib.auth.models import User
from django.utils import timezone
from grpc import StatusCode
from pytest_django import Settings

from bot import console
from bot.models import LOST_PLACE, Card, ReceivedEvent, State
from bot.slack.sender import TRIES
from bot.slack.timing import Timing
from ops import rights
from ops.accounts.models import Identity
from ops.actor import Actor, Door
from ops.audit.models import AuditEntry
from ops.database import in_database
from ops.requests.models import ChangeRequest
from ops.requests.models import State as RequestState
from ops.sampling import actions as sampling
from ops.sampling.terms import Term
from ops.vocabulary.policies import NEVER, rate
from ops.vocabulary.timerange import MINUTE
from tests.bot.conftest import QUICK, SITES, Backends, Workspace, another_bot, until
from tests.bot.slack.test_delivery import left_behind, until_ended
from tests.conftest import Person, SiteFile
from tests.fakes.slack import (
    ALICE,
    CHANNEL,
    DIRECT,
    SECONDS,
    TEAM,
    FakeSlack,
    Fault,
    Post,
    person,
)

pytestmark = pytest.mark.django_db(transaction=True)
BOB = "U0BOB0001"
TENDING = replace(QUICK, tend=0.05)
NOTHING: list[list[tuple[str, float]]] = [[], [], []]
TOLD = [[("STFloat", 0.1)]] * 3
LONG_AGO = timedelta(minutes=10)
TRACES = "traces that start in petstore"
UNKNOWN = "We don't know whether this change was made"
WITHDRAWN = (
    "Withdrawn, nothing was changed: sampling of petstore: unknown -> 10% on 3 instances\n"
    "alice asked, but no longer has an account here"
)


@pytest.fixture
async def slack(workspace: Workspace) -> AsyncIterator[FakeSlack]:
    """A workspace with the bot running, and with Bob besides Alice."""
    fake = FakeSlack()
    fake.users[BOB] = person(BOB, "bob")
    async with workspace(fake):
        yield fake


async def linked(make: Person, name: str, *groups: str) -> User:
    """Link Slack's Bob to a new user in these groups."""
    user = await in_database(make, name, *groups)
    await in_database(Identity.objects.create, slack_user_id=BOB, slack_team_id=TEAM, user=user)
    return user


async def asked(slack: FakeSlack, line: str = "change sampling float 0.1") -> Post:
    """Send Alice's line and return the card that it posts."""
    number = len(slack.posts)
    await slack.mention(ALICE, line)
    return (await slack.posted(number + 1))[number]


async def request() -> ChangeRequest:
    return await in_database(ChangeRequest.objects.get)


async def card() -> Card | None:
    return await in_database(Card.objects.first)


async def until_state(state: RequestState) -> None:
    """Wait until the request has this state and its card shows it."""
    async with asyncio.timeout(SECONDS):
        while {(await request()).state, getattr(await card(), "shown", "")} != {state}:
            pass


async def until_shown() -> Card:
    """Wait until it is known which message shows the request."""
    async with asyncio.timeout(SECONDS):
        while not (each := await card()):
            pass
    return each


def long_still() -> dict[str, datetime]:
    """What an attempt that has just begun has."""
    now = timezone.now()
    return {"decided_at": now, "lease_until": now + LONG_AGO}


def told(backends: Backends) -> list[list[tuple[str, float]]]:
    return [each.told for each in backends.instances]


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


def at_console(user: User) -> Actor:
    return Actor(user.pk, user.get_username(), Door.CONSOLE)


async def test_it_expires_when_its_time_is_over(
    workspace: Workspace, alice: User, backends: Backends
) -> None:
    async with workspace(FakeSlack(), TENDING) as slack:
        post = await asked(slack)
        await passed()
        await slack.replaced(post.ts)
        assert post.shown.startswith("Expired, nothing was changed: sampling of petstore: unknown")
        await until_state(RequestState.EXPIRED)
    assert told(backends) == NOTHING


async def passed() -> None:
    """Expire the card."""
    then = timezone.now() - LONG_AGO
    await in_database(ChangeRequest.objects.update, expires=then)


async def test_it_says_that_it_has_expired_when_it_is_pressed_too_late(
    slack: FakeSlack, alice: User, backends: Backends
) -> None:
    post = await asked(slack)
    await passed()
    await slack.press(ALICE, post, "Apply")
    await slack.replaced(post.ts)
    assert post.shown.startswith("Expired, nothing was changed")
    assert told(backends) == NOTHING
    assert len(slack.posts) == 1


async def test_it_is_withdrawn_when_who_asked_is_deleted(
    workspace: Workspace, alice: User, backends: Backends
) -> None:
    async with workspace(FakeSlack(), TENDING) as slack:
        post = await asked(slack)
        await until_shown()
        await in_database(alice.delete)
        await slack.replaced(post.ts)
        assert post.shown == WITHDRAWN
        assert not [block for block in post.blocks if block["type"] == "actions"]
        await until_state(RequestState.CANCELLED)
        assert len(slack.posts) == 1
        assert slack.violations == []


@pytest.mark.parametrize("label", ["Apply", "Cancel"])
async def test_it_is_not_applied_for_somebody_who_was_deleted(
    slack: FakeSlack, alice: User, person: Person, backends: Backends, label: str
) -> None:
    await linked(person, "bob", "approvers")
    post = await asked(slack)
    await in_database(alice.delete)
    await slack.press(BOB, post, label)
    await slack.replaced(post.ts)
    assert post.shown == WITHDRAWN
    assert told(backends) == NOTHING
    assert len(slack.posts) == 1


async def test_it_outlives_the_bot_that_showed_it(
    tokens: Settings, alice: User, backends: Backends
) -> None:
    async with FakeSlack() as slack:
        tokens.SLACK_API_URL = slack.api_url
        async with another_bot(slack):
            post = await asked(slack)
        async with another_bot(slack):
            await slack.press(ALICE, post, "Apply")
            await slack.replaced(post.ts)
    assert told(backends) == TOLD


async def test_it_is_unknown_when_its_process_is_lost_and_never_repeated(
    workspace: Workspace, alice: User, backends: Backends
) -> None:
    async with workspace(FakeSlack(), TENDING) as slack:
        post = await asked(slack)
        await until_ended(1)
        then = timezone.now() - LONG_AGO
        await in_database(
            ChangeRequest.objects.update,
            state=RequestState.APPLYING, decided_by="alice", decided_at=then, lease_until=then,
        )  # fmt: skip
        await slack.replaced(post.ts)
        assert post.shown.startswith(f"{UNKNOWN}: sampling of petstore")
        assert "Check with: sampling petstore" in post.shown
        await until_state(RequestState.UNKNOWN)
        key = (await request()).key
        await slack.mention(ALICE, f"apply {key}")
        assert (await slack.posted(2))[1].shown.startswith(UNKNOWN)
        await slack.press(ALICE, post, "Sampling")
        assert (await slack.posted(3))[2].shown.startswith("Sampling of petstore is unknown")
    assert told(backends) == NOTHING


async def test_a_press_is_carried_on_with_when_its_process_was_killed(
    workspace: Workspace, alice: User, backends: Backends
) -> None:
    async with workspace(FakeSlack()) as slack:
        post = await asked(slack)
        key = (await until_shown()).key
        await left_behind(slack, f"apply {key}", State.WORKING)
        async with another_bot(slack):
            await slack.replaced(post.ts)
    assert told(backends) == TOLD
    assert "Applied by alice" in post.shown


async def test_it_is_not_made_while_somebody_makes_it(
    slack: FakeSlack, alice: User, backends: Backends
) -> None:
    post = await asked(slack)
    await until_ended(1)
    await in_database(
        ChangeRequest.objects.update,
        state=RequestState.APPLYING, decided_by="bob", **long_still(),
    )  # fmt: skip
    for label in ("Apply", "Cancel"):
        await slack.press(ALICE, replace(post), label)
    await until_ended(3)
    assert post.shown.startswith("bob is applying: sampling of petstore: unknown -> 10%")
    assert len(post.earlier) == 1, "a message that already shows it is not replaced again"
    assert len(slack.posts) == 1
    assert told(backends) == NOTHING


async def test_it_shows_what_has_become_of_it_while_it_was_replaced(
    slack: FakeSlack, alice: User, backends: Backends
) -> None:
    post = await asked(slack)
    await until_ended(1)
    applying = {"decided_by": "bob", **long_still()}
    await in_database(ChangeRequest.objects.update, state=RequestState.APPLYING, **applying)
    slack.fail("chat.update", Fault(hang=True))
    await slack.press(ALICE, post, "Apply")
    await slack.called("chat.update")
    await in_database(ChangeRequest.objects.update, state=RequestState.UNKNOWN)
    slack.release.set()
    await until(lambda: post.shown.startswith(UNKNOWN))
    await until_state(RequestState.UNKNOWN)
    assert len(slack.posts) == 1


async def test_no_note_stays_where_it_was_not_known_which_message_is_the_card(
    workspace: Workspace, alice: User, backends: Backends
) -> None:
    async with workspace(FakeSlack(), replace(QUICK, placeholder=0.0)) as slack:
        post = await asked(slack)
        await until_ended(1)
        await in_database(Card.objects.all().delete)
        backends.instances[1].seconds = 0.2
        await slack.press(ALICE, post, "Apply")
        await until_ended(2)
        assert "Applied by alice" in post.shown
        assert not [each for each in slack.posts if each.shown.startswith("Working on it")]
    assert told(backends) == TOLD


async def test_it_says_that_it_is_being_applied_when_that_takes_a_while(
    workspace: Workspace, alice: User, backends: Backends
) -> None:
    timing: Timing = replace(QUICK, placeholder=1.0, grace=0)
    async with workspace(FakeSlack(), timing) as slack:
        post = await asked(slack)
        await until_ended(1)
        backends.instances[1].hangs = True
        slack.fail("chat.update", Fault(hang=True))
        await slack.press(ALICE, post, "Apply")
        await slack.called("chat.update")
        noted = ReceivedEvent.objects.filter(placeholder=LOST_PLACE)
        assert not await in_database(noted.exists), "the card is not a note that could remain"
        slack.release.set()
        await until(
            lambda: any("alice is applying" in each for each in (post.shown, *post.earlier))
        )
        assert "[Apply]" not in post.shown


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


async def test_it_asks_in_the_channel_when_the_command_asks(
    slack: FakeSlack, alice: User, backends: Backends
) -> None:
    await slack.slash(ALICE, "change sampling float 0.1")
    [post] = await slack.posted(1)
    assert (post.channel, post.thread_ts) == (CHANNEL, "")
    await slack.press(ALICE, post, "Apply")
    await slack.replaced(post.ts)
    assert told(backends) == TOLD
    assert slack.whispers == []


async def test_it_asks_the_person_alone_where_it_may_not_write(
    slack: FakeSlack, alice: User, backends: Backends
) -> None:
    await slack.slash(ALICE, "change sampling float 0.1", channel="C0OTHER01")
    [whisper] = await slack.whispered(1)
    await slack.press(ALICE, whisper, "Apply")
    done = (await slack.whispered(2))[1]
    assert done.shown.startswith("Sampling of petstore: unknown -> 10%, confirmed by 3 of 3")
    assert told(backends) == TOLD
    assert slack.posts == []


async def test_it_answers_in_the_thread_when_its_message_is_gone(
    slack: FakeSlack, alice: User, backends: Backends
) -> None:
    post = await asked(slack)
    slack.fail("chat.update", Fault("message_not_found"))
    await slack.press(ALICE, post, "Apply")
    assert "confirmed by 3 of 3" in (await slack.posted(2))[1].shown
    assert told(backends) == TOLD


async def test_it_is_replaced_later_when_slack_takes_no_more_just_now(
    workspace: Workspace, alice: User, backends: Backends
) -> None:
    async with workspace(FakeSlack(), TENDING) as slack:
        post = await asked(slack)
        await until_shown()
        limited = Fault("ratelimited", status=429, retry_after=0)
        slack.fail("chat.update", *[limited] * TRIES)
        await slack.press(ALICE, post, "Apply")
        assert "Applied by alice" in (await slack.posted(2))[1].shown
        assert "[Apply]" in post.shown
        await in_database(ChangeRequest.objects.update, decided_at=timezone.now() - LONG_AGO)
        await slack.replaced(post.ts)
        assert "Applied by alice" in post.shown
    assert told(backends) == TOLD


async def test_it_is_found_again_when_the_answer_to_posting_it_was_lost(
    slack: FakeSlack, alice: User, backends: Backends
) -> None:
    post = await asked(slack)
    await until_ended(1)
    await in_database(Card.objects.all().delete)
    await slack.press(ALICE, post, "Apply")
    await slack.replaced(post.ts)
    assert told(backends) == TOLD


async def test_what_the_console_decides_shows_in_slack(
    workspace: Workspace, alice: User, backends: Backends
) -> None:
    async with workspace(FakeSlack(), TENDING) as slack:
        post = await asked(slack)
        await until_ended(1)
        reply = await console.answer(at_console(alice), f"apply {(await request()).key}")
        assert reply.summary.startswith("Sampling of petstore: unknown -> 10%, confirmed by 3")
        await in_database(ChangeRequest.objects.update, decided_at=timezone.now() - LONG_AGO)
        await slack.replaced(post.ts)
        assert "Applied by alice" in post.shown


async def test_it_says_what_to_expect(operator: Actor, backends: Backends) -> None:
    expected = [
        ("10%", f"Keeps 10% of the {TRACES}; the current setting is unknown."),
        ("10%", f"Keeps 10% of the {TRACES}; the same rate as the last setting."),
        ("50%", f"Keeps 50% of the {TRACES}; 5 times as many as the last setting, 10%."),
        ("always", f"Keeps all {TRACES}; twice as many as the last setting, 50%."),
        ("always", f"Keeps all {TRACES}; the same rate as the last setting."),
        ("never", f"Keeps none of the {TRACES}; the last setting keeps all."),
        ("1%", f"Keeps 1% of the {TRACES}; the last setting keeps none."),
    ]
    for policy, sentence in expected:
        reply = await console.answer(operator, f"change sampling {policy}")
        assert reply.notes[0] == sentence
        asked = console.asks(reply)
        assert asked is not None
        assert (await console.answer(operator, asked[0])).notes[0].startswith("Applied by olga")


async def test_it_goes_back_to_the_policy_before(operator: Actor, backends: Backends) -> None:
    await console.answer(operator, "change sampling 10% now")
    reply = await console.answer(operator, "undo sampling")
    assert "there is nothing to undo" in reply.summary
    await console.answer(operator, "change sampling always now")
    reply = await console.answer(operator, "undo sampling petstore")
    assert reply.summary.startswith("Sampling of petstore: always -> 10%, confirmed by 3 of 3")
    assert console.asks(reply) is None


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


async def test_it_asks_all_the_same_where_the_site_does(
    operator: Actor, backends: Backends, site_file: SiteFile
) -> None:
    site_file(SITES.replace("change_now = true\n", "").format(**vars(backends)))
    typing = replace(operator, door=Door.CONSOLE)
    reply = await console.answer(typing, "change sampling always now")
    assert reply.notes[0] == 'This site always asks first, even with "now".'
    assert told(backends) == NOTHING
    await sampling.change_policy(operator, policy=rate(0.1), term=Term(MINUTE), then=NEVER)
    for line in ("revert sampling petstore", "undo sampling"):
        reply = await console.answer(typing, line)
        assert reply.summary == "Change sampling of petstore: 10% -> never on 3 instances?"


async def test_it_says_why_a_change_could_not_begin(
    operator: Actor, backends: Backends, site_file: SiteFile
) -> None:
    reply = await console.answer(operator, "change sampling always")
    site_file(
        SITES.replace("sites.demo.services.petstore", "sites.demo.services.shop")
        .replace('default_service = "petstore"', "")
        .format(**vars(backends))
    )
    done = await console.answer(operator, f"apply {reply.card}")
    assert done.summary.startswith('Not found: site "demo" has no service "petstore"')
    assert done.notes[0].startswith("Attempted by olga at ")
    assert (await request()).state == RequestState.FAILED


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("apply 3f9a1c7e2b", 'Not found: there is no request "3f9a1c7e2b"'),
        ("cancel", "Not understood: which card?"),
        ("change sampling store 5%", 'there is nothing to change: service "store" of site "demo"'),
    ],
)
async def test_it_says_what_there_is_not(
    operator: Actor, backends: Backends, line: str, sentence: str
) -> None:
    assert sentence in (await console.answer(operator, line)).summary


async def test_it_asks_in_the_direct_conversation_when_home_asks(
    slack: FakeSlack, alice: User, backends: Backends
) -> None:
    await slack.direct(ALICE, "chang sampling 10%")
    [post] = await slack.posted(1)
    assert post.channel == DIRECT
    await slack.press(ALICE, post, "change sampling 10%")
    asks = (await slack.posted(2))[1]
    await slack.press(ALICE, asks, "Apply")
    await slack.replaced(asks.ts)
    assert told(backends) == TOLD
