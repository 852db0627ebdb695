"""What a person may do, at most five seconds old."""

import asyncio
from dataclasses import dataclass

from cachetools import TTLCache
from django.contrib.auth import get_user_model
from django.db import DatabaseError

from ops.database import in_database

SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Rights:
    """A person's standing: `permissions` are Django's, as `app.codename`; none when inactive."""

    active: bool
    name: str
    permissions: frozenset[str]


NOBODY = Rights(active=False, name="", permissions=frozenset())
# Tasks, so that those who ask at once ask once, and the seconds count from before the question.
cache: TTLCache[int, asyncio.Task[Rights]] = TTLCache(maxsize=10_000, ttl=SECONDS)


async def rights_of(user_id: int | None) -> Rights:
    """Return the rights of the user with that primary key; nobody's for None or a stranger."""
    if user_id is None:
        return NOBODY
    asked = cache.get(user_id)
    if asked is None:
        asked = cache[user_id] = asyncio.create_task(in_database(_read, user_id))
    try:
        return await asyncio.shield(asked)
    except DatabaseError:
        cache.pop(user_id, None)
        raise


def _read(user_id: int) -> Rights:
    user = get_user_model().objects.filter(pk=user_id).first()
    if user is None:
        return NOBODY
    permissions = frozenset(user.get_all_permissions())
    return Rights(active=user.is_active, name=user.get_username(), permissions=permissions)
