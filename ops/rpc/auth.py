"""Authentication: a bearer token, or the user in the settings for calls without a token."""

import asyncio
import logging
import time
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Any
from urllib.parse import unquote

import grpc.aio
from cachetools import TTLCache
from django.conf import settings
from django.contrib.auth import get_user_model
from django.db import DatabaseError
from django.utils import timezone

from ops import rights
from ops.actor import Actor, Door
from ops.caching import asked_once
from ops.database import in_database
from ops.metrics import watched
from ops.proxies import real_address
from ops.rpc import signins
from ops.rpc.models import Token, digest_of

NOTED_EVERY = timedelta(minutes=1)
_REFUSED = "the token is unknown, expired or revoked; create one: manage.py create_token USER"
_MISSING = "a token is required in the metadata: authorization: Bearer ops_…"
_Metadata = Iterable[tuple[str, str | bytes]]
log = logging.getLogger(__name__)


class Unauthenticated(Exception):
    """The caller is unknown; str() says what is accepted."""


@dataclass(frozen=True, slots=True)
class Caller:
    """The user behind a credential; `good_until` is when it expires, in Unix seconds."""

    user_id: int
    name: str
    good_until: float = float("inf")


# The caller by token digest ("" for calls without a token), None for an unknown token.
cache: TTLCache[str, asyncio.Future[Caller | None]] = watched(
    "tokens", TTLCache(maxsize=10_000, ttl=rights.SECONDS)
)


async def actor_of(context: grpc.aio.ServicerContext[Any, Any]) -> Actor:
    """Return the actor of a call; raises Unauthenticated."""
    metadata = context.invocation_metadata() or ()  # gRPC makes a new copy each time
    token = _bearer_token(metadata)
    digest = digest_of(token) if token else ""
    ask = partial(_by_token, digest) if token else _anonymous
    caller = await asked_once(cache, digest, ask)
    if caller is None or caller.good_until <= time.time():
        raise Unauthenticated(_REFUSED if token else _MISSING)
    return Actor(caller.user_id, caller.name, Door.GRPC, _address(context.peer(), metadata))


def _bearer_token(metadata: _Metadata) -> str:
    for key, value in metadata:
        if key == "authorization":
            scheme, _, token = str(value).strip().partition(" ")
            if scheme.lower() != "bearer" or not token.strip():
                raise Unauthenticated(_MISSING)
            return token.strip()
    return ""


async def _by_token(digest: str) -> Caller | None:
    found = await in_database(_good_token, digest)
    if found is None:
        return None
    token, its_rights = found
    rights.remember(token.user.pk, its_rights)
    if token.last_used is None or token.last_used < timezone.now() - NOTED_EVERY:
        uses.note(token.pk)
    return Caller(token.user.pk, token.user.get_username(), token.expires.timestamp())


def _good_token(digest: str) -> tuple[Token, rights.Rights] | None:
    tokens = Token.objects.select_related("user").filter(digest=digest, user__is_active=True)
    token = tokens.filter(revoked=None, expires__gt=timezone.now()).first()
    return None if token is None else (token, rights.rights_as_read(token.user))


class _Uses:
    """Record when tokens were used; calls neither wait for this nor fail with it.

    One write at a time has everything that came during the one before.
    """

    def __init__(self) -> None:
        self._new: set[int] = set()
        self.writing: asyncio.Task[None] | None = None

    def note(self, token: int) -> None:
        """Record that the token with this primary key was used now."""
        self._new.add(token)
        if self.writing is None or self.writing.done():
            self.writing = asyncio.create_task(self._write())

    async def _write(self) -> None:
        while self._new:
            used, self._new = self._new, set()
            try:
                await in_database(signins.record, used, timezone.now())
            except DatabaseError:
                log.exception("could not record the use of tokens %s", sorted(used))


uses = _Uses()


async def _anonymous() -> Caller | None:
    name = settings.GRPC_ANONYMOUS_USER
    users = get_user_model().objects.filter(username=name, is_active=True)
    user = await in_database(users.first) if name else None
    return Caller(user.pk, user.get_username()) if user else None


def _address(peer: str, metadata: _Metadata) -> str:
    """Return the address of `ipv4:127.0.0.1:5000` or `ipv6:%5B::1%5D:5000`, behind proxies."""
    _, _, rest = unquote(peer).partition(":")
    forwarded = (str(value) for key, value in metadata if key == "x-forwarded-for")
    return real_address(rest.rpartition(":")[0].strip("[]"), ",".join(forwarded))
