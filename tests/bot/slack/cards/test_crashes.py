"""A card when processes die, and when Slack takes or says nothing."""

from dataclasses import replace

import pytest
from django.contrib.auth.models import User
from django.utils import timezone
from pytest_django import Settings

from bot.models import LOST_PLACE, Card, ReceivedEvent, State
from bot.slack.sender import TRIES
from bot.slack.timing import Timing
from ops.database import in_database
from ops.requests.models import ChangeRequest
from ops.requests.models import State as RequestState
from tests.bot.conftest import QUICK, Backends, Workspace, another_bot, until
from tests.bot.slack.cards.asking import (
    LONG_AGO,
    NOTHING,
    TENDING,
    TOLD,
    UNKNOWN,
    asked,
    long_still,
    request,
    told,
    until_shown,
    until_state,
)
from tests.bot.slack.test_delivery import left_behind, until_ended
from tests.fakes.slack import ALICE, FakeSlack, Fault

pytestmark = pytest.mark.django_db(transaction=True)


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


async def test_it_is_found_again_when_the_answer_to_posting_it_was_lost(
    slack: FakeSlack, alice: User, backends: Backends
) -> None:
    post = await asked(slack)
    await until_ended(1)
    await in_database(Card.objects.all().delete)
    await slack.press(ALICE, post, "Apply")
    await slack.replaced(post.ts)
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
