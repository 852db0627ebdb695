"""Who calls: a bearer token, or the user that the settings name for calls without one."""

import time
from dataclasses import dataclass
from datetime import timedelta
from urllib.parse import unquote

import grpc.aio
from cachetools import TTLCache
from django.conf import settings
from django.contrib.auth import get_user_model
from django.utils import timezone

from ops.actor import Actor, Door
from ops.database import in_database
from ops.rights import SECONDS
from ops.rpc.models import Token, digest_of

TOUCHED_EVERY = timedelta(minutes=1)
_REFUSED = (
    "the token is unknown, expired or revoked; make one with: manage.py create_token USER"
)
_MISSING = "a token is needed, as metadata: authorization: Bearer ops_…"


class Unauthenticated(Exception):
    """Nobody we know calls; str() says what is accepted."""


@dataclass(frozen=True, slots=True)
class Caller:
    """The user behind a credential; `good_until` is when the token expires, in Unix seconds."""

    user_id: int
    name: str
    good_until: float = float("inf")


# What a digest stands for ("" for calls without a token), None for a bad one.
cache: TTLCache[str, Caller | None] = TTLCache(maxsize=10_000, ttl=SECONDS)


async def actor_of(context: grpc.aio.ServicerContext[object, object]) -> Actor:
    """Return who calls; raises Unauthenticated."""
    token = _bearer_token(context)
    digest = digest_of(token) if token else ""
    if digest not in cache:
        cache[digest] = await in_database(_by_token if token else _anonymous, digest)
    caller = cache[digest]
    if caller is None or caller.good_until <= time.time():
        raise Unauthenticated(_REFUSED if token else _MISSING)
    return Actor(caller.user_id, caller.name, Door.GRPC, _address(context.peer()))


def _bearer_token(context: grpc.aio.ServicerContext[object, object]) -> str:
    for key, value in context.invocation_metadata() or ():
        if key == "authorization":
            scheme, _, token = str(value).partition(" ")
            if scheme.lower() != "bearer" or not token.strip():
                raise Unauthenticated(_MISSING)
            return token.strip()
    return ""


def _by_token(digest: str) -> Caller | None:
    token = Token.objects.select_related("user").filter(digest=digest).first()
    if token is None or not token.is_good or not token.user.is_active:
        return None
    now = timezone.now()
    if token.last_used is None or token.last_used < now - TOUCHED_EVERY:
        Token.objects.filter(pk=token.pk).update(last_used=now)
    return Caller(token.user.pk, token.user.get_username(), token.expires.timestamp())


def _anonymous(_: str) -> Caller | None:
    name = settings.GRPC_ANONYMOUS_USER
    users = get_user_model().objects
    user = users.filter(username=name, is_active=True).first() if name else None
    return Caller(user.pk, user.get_username()) if user else None


def _address(peer: str) -> str:
    """`ipv4:127.0.0.1:5000` or `ipv6:%5B::1%5D:5000` -> the address alone."""
    _, _, rest = unquote(peer).partition(":")
    return rest.rpartition(":")[0].strip("[]")
