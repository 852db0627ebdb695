"""A user's permissions, at most five seconds old."""

import asyncio
from dataclasses import dataclass

from cachetools import TTLCache
from django.contrib.auth.models import User

from ops.caching import asked_once
from ops.database import in_database
from ops.metrics import watched

SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Rights:
    """A user's account state and permissions (Django's `app.codename`; none when inactive)."""

    active: bool
    name: str
    permissions: frozenset[str]


NOBODY = Rights(active=False, name="", permissions=frozenset())
cache: TTLCache[int, asyncio.Future[Rights]] = watched(
    "rights", TTLCache(maxsize=10_000, ttl=SECONDS)
)


async def rights_of(user_id: int | None) -> Rights:
    """Return the rights of the user with that primary key; none for None or an unknown key."""
    if user_id is None:
        return NOBODY
    return await asked_once(cache, user_id, lambda: in_database(read_rights, user_id))


def known(user_id: int | None) -> Rights | None:
    """Return the same if it was read in the last seconds, else None."""
    read = cache.get(user_id) if user_id is not None else None
    if read is None or not read.done() or read.cancelled() or read.exception():
        return None
    return read.result()


def read_rights(user_id: int | None) -> Rights:
    """Read the same from the database now, on a database thread."""
    if user_id is None:
        return NOBODY
    user = User.objects.filter(pk=user_id).first()
    return NOBODY if user is None else rights_as_read(user)


def rights_as_read(user: User) -> Rights:
    """Return the rights of a user that was just read, on the same database thread."""
    permissions = frozenset(user.get_all_permissions())
    return Rights(active=user.is_active, name=user.get_username(), permissions=permissions)


def remember(user_id: int, rights: Rights) -> None:
    """Let `rights_of` return what was just read together with something else."""
    known: asyncio.Future[Rights] = asyncio.get_running_loop().create_future()
    known.set_result(rights)
    cache[user_id] = known
