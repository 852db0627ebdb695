"""Ask for a change on a card, and see what becomes of it."""

import asyncio
from dataclasses import replace
from datetime import datetime, timedelta

from django.contrib.auth.models import User
from django.utils import timezone

from bot.models import Card
from ops.accounts.models import Identity
from ops.actor import Actor, Door
from ops.database import in_database
from ops.requests.models import ChangeRequest
from ops.requests.models import State as RequestState
from tests.bot.conftest import QUICK, Backends
from tests.conftest import Person
from tests.fakes.slack import ALICE, BOB, SECONDS, TEAM, FakeSlack, Post

TENDING = replace(QUICK, tend=0.05)
NOTHING: list[list[tuple[str, float]]] = [[], [], []]
TOLD = [[("STFloat", 0.1)]] * 3
LONG_AGO = timedelta(minutes=10)
UNKNOWN = "We don't know whether this change was made"


async def linked(make: Person, name: str, *groups: str) -> User:
    """Link Slack's Bob to a new user in these groups."""
    user = await in_database(make, name, *groups)
    await in_database(Identity.objects.create, slack_user_id=BOB, slack_team_id=TEAM, user=user)
    return user


async def asked(slack: FakeSlack, line: str = "change sampling float 0.1") -> Post:
    """Send Alice's line and return the card that it posts."""
    return await slack.ask(ALICE, line)


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


def at_console(user: User) -> Actor:
    return Actor(user.pk, user.get_username(), Door.CONSOLE)


async def passed() -> None:
    """Expire the card."""
    then = timezone.now() - LONG_AGO
    await in_database(ChangeRequest.objects.update, expires=then)
