"""Actions on bearer tokens."""

from datetime import datetime

from django.contrib.auth.models import User

from ops.actor import Actor
from ops.errors import NotFound
from ops.guard import SHELL, write
from ops.rpc.models import make_token


def _target(*, user: str, **_: object) -> str:
    return f"user/{user}"


@write("rpc.create_token", permission=SHELL, target=_target)
def create_token(actor: Actor, *, user: str, name: str, expires: datetime) -> str:
    """Create a bearer token with which a program acts as an active user; raises NotFound."""
    owner = User.objects.filter(username=user, is_active=True).first()
    if owner is None:
        raise NotFound(f'there is no active user "{user}"')
    return make_token(owner, name, expires)
