import json
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings

from bot.commands import registry
from bot.slack import REMEDIES
from tests.fakes.slack import NEEDED, SCOPES

MANIFEST = Path(settings.BASE_DIR, "docs", "slack-manifest.json")
SCOPE_OF_EVENT = {"app_mention": "app_mentions:read", "message.im": "im:history"}


@pytest.fixture
def manifest() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(MANIFEST.read_text(encoding="utf-8"))
    return found


def test_it_asks_for_the_events_that_the_bot_answers(manifest: dict[str, Any]) -> None:
    assert set(manifest["settings"]["event_subscriptions"]["bot_events"]) == set(SCOPE_OF_EVENT)


def test_it_asks_for_no_more_scopes_than_the_bot_needs(manifest: dict[str, Any]) -> None:
    scopes = manifest["oauth_config"]["scopes"]
    assert set(scopes) == {"bot"}
    assert set(scopes["bot"]) == {*SCOPE_OF_EVENT.values(), *NEEDED.values()} == SCOPES


def test_it_turns_on_socket_mode_and_direct_messages_only(manifest: dict[str, Any]) -> None:
    assert manifest["settings"]["socket_mode_enabled"] is True
    assert manifest["settings"]["interactivity"] == {"is_enabled": False}
    home = manifest["features"]["app_home"]
    assert home["messages_tab_enabled"] and not home["messages_tab_read_only_enabled"]
    assert home["home_tab_enabled"] is False
    assert "slash_commands" not in manifest["features"]


def test_it_keeps_slacks_lengths(manifest: dict[str, Any]) -> None:
    assert len(manifest["display_information"]["name"]) <= 35
    assert len(manifest["display_information"]["description"]) <= 140


def test_the_page_about_slack_names_it_and_every_command() -> None:
    page = MANIFEST.with_name("slack.md").read_text(encoding="utf-8")
    assert MANIFEST.name in page
    assert any(MANIFEST.name in remedy for remedy in REMEDIES.values())
    missing = [command.name for command in registry.commands if f"`{command.name}" not in page]
    assert missing == []
