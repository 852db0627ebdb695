"""A Slack workspace in the test's own process; README.md describes what it does and refuses."""

from .app import (
    ALICE,
    APP,
    APP_TOKEN,
    BOB,
    BOT_ID,
    BOT_TOKEN,
    BOT_USER,
    CHANNEL,
    CONFIG_TOKEN,
    DIRECT,
    ORGANIZATION,
    SCOPES,
    SIBLING,
    TEAM,
    bot_user,
    member,
    person,
)
from .posts import Post
from .shared import SECONDS
from .socket_mode import Delivery
from .web_api import EVERY_SCOPE, NEEDED, Fault
from .workspace import FakeSlack

__all__ = [
    "ALICE",
    "APP",
    "APP_TOKEN",
    "BOB",
    "BOT_ID",
    "BOT_TOKEN",
    "BOT_USER",
    "CHANNEL",
    "CONFIG_TOKEN",
    "DIRECT",
    "EVERY_SCOPE",
    "NEEDED",
    "ORGANIZATION",
    "SCOPES",
    "SECONDS",
    "SIBLING",
    "TEAM",
    "Delivery",
    "FakeSlack",
    "Fault",
    "Post",
    "bot_user",
    "member",
    "person",
]
