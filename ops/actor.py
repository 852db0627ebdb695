"""Who acts, and through which door."""

import secrets
from collections.abc import Mapping
from contextvars import ContextVar
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType

_request_id: ContextVar[str] = ContextVar("request_id", default="")


class Door(StrEnum):
    """The way in."""

    BROWSER = "browser"
    GRPC = "grpc"
    SLACK = "slack"
    CONSOLE = "console"


@dataclass(frozen=True, slots=True)
class Actor:
    """A person (or a program with a person's token) at a door.

    `user_id` is the Django user's primary key, None for a stranger, who may do nothing.
    `address` is the network address the request came from, "" where there is none.
    `origin` is what else the door knows and the audit log should keep, such as Slack's
    user, team, channel, ts and event id; never a secret.
    """

    user_id: int | None
    name: str
    door: Door
    address: str = ""
    origin: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))


def new_request_id() -> str:
    """Give the current context a fresh request id (16 hex digits) and return it.

    A door calls this once a request; the guard, the log and every error page read it.
    """
    request_id = secrets.token_hex(8)
    _request_id.set(request_id)
    return request_id


def request_id() -> str:
    """Return the request id of the current context, "" outside of any request."""
    return _request_id.get()
