"""A card that nobody decides in time, or whose asker is gone."""

import pytest
from django.contrib.auth.models import User

from ops.database import in_database
from ops.requests.models import State as RequestState
from tests.bot.conftest import Backends, Workspace
from tests.bot.slack.cards.asking import (
    NOTHING,
    TENDING,
    asked,
    linked,
    passed,
    told,
    until_shown,
    until_state,
)
from tests.conftest import Person
from tests.fakes.slack import ALICE, BOB, FakeSlack

pytestmark = pytest.mark.django_db(transaction=True)

WITHDRAWN = (
    "Withdrawn, nothing was changed: sampling of petstore: unknown -> 10% on 3 instances\n"
    "alice asked, but no longer has an account here"
)


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
