"""The actor behind a request, and the door that the request came through."""

import secrets
from collections.abc import Mapping
from contextvars import ContextVar
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType

_request_id: ContextVar[str] = ContextVar("request_id", default="")


class Door(StrEnum):
    """The way a request came in."""

    BROWSER = "browser"
    GRPC = "grpc"
    SLACK = "slack"
    CONSOLE = "console"
    SHELL = "shell"  # a command on the server, typed by an account of the machine
    TIMER = "timer"  # OpsPortal itself, on a schedule


@dataclass(frozen=True, slots=True)
class Actor:
    """A user, or a program with a user's token, at a door; or OpsPortal itself.

    `user_id` is the primary key of the Django user, or None for anybody else, who has no
    permissions. `address` is the network address of the request, "" if there is none.
    `origin` is anything else the door knows that belongs in the audit log, such as Slack's
    user, team, channel, ts and event ID; it never holds a secret.
    """

    user_id: int | None
    name: str
    door: Door
    address: str = ""
    origin: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))


OPSPORTAL = Actor(None, "OpsPortal", Door.TIMER)


def new_request_id() -> str:
    """Give the current context a new request ID (16 hex digits) and return it.

    A door calls this once per request. The guard, the log and every error page read it.
    """
    request_id = secrets.token_hex(8)
    _request_id.set(request_id)
    return request_id


def request_id() -> str:
    """Return the request ID of the current context, "" outside a request."""
    return _request_id.get()
