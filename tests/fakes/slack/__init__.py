"""A Slack workspace in the test's own process; README.md says what it does and refuses."""

from tests.fakes.slack.workspace import (
    ALICE,
    APP,
    APP_TOKEN,
    BOT_ID,
    BOT_TOKEN,
    BOT_USER,
    CHANNEL,
    DIRECT,
    NEEDED,
    SCOPES,
    TEAM,
    Delivery,
    FakeSlack,
    Fault,
    Post,
    person,
)

__all__ = [
    "ALICE",
    "APP",
    "APP_TOKEN",
    "BOT_ID",
    "BOT_TOKEN",
    "BOT_USER",
    "CHANNEL",
    "DIRECT",
    "NEEDED",
    "SCOPES",
    "TEAM",
    "Delivery",
    "FakeSlack",
    "Fault",
    "Post",
    "person",
]
