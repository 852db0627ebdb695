import json
import os
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as in_use
from django.core.management import call_command
from django.core.management.base import CommandError
from jsonschema import Draft7Validator
from pytest_django import Settings

from bot.commands import registry
from bot.slack.api_errors import REMEDIES
from bot.slack.manifest import CALLS, EVENTS, NO_SCOPE, UNFURLING, manifest
from tests.fakes.slack import NEEDED, SCOPES

FILE = Path(in_use.BASE_DIR, "docs", "slack-manifest.json")
SCHEMA = "OPSPORTAL_TEST_SLACK_SCHEMA"


def test_it_is_what_the_command_prints(capsys: pytest.CaptureFixture[str]) -> None:
    call_command("slack_manifest")
    printed = capsys.readouterr().out
    assert json.loads(printed) == manifest()
    assert FILE.read_text(encoding="utf-8") == printed, f"write it anew: slack_manifest > {FILE}"


@pytest.mark.parametrize("match_email", [False, True])
def test_it_is_valid_by_slacks_own_schema(settings: Settings, match_email: bool) -> None:
    if SCHEMA not in os.environ:
        pytest.skip(f"{SCHEMA} does not name a file with Slack's JSON Schema of manifests")
    settings.SLACK_MATCH_EMAIL = match_email
    schema = json.loads(Path(os.environ[SCHEMA]).read_text(encoding="utf-8"))
    validator = Draft7Validator(schema)
    assert [error.message for error in validator.iter_errors(manifest())] == []
    assert not validator.is_valid({**manifest(), "unheard_of": 1})


def test_it_asks_for_no_more_scopes_than_the_bot_needs() -> None:
    scopes: dict[str, list[str]] = manifest()["oauth_config"]["scopes"]
    assert set(scopes) == {"bot"}
    needed = {*EVENTS.values(), *CALLS.values(), "commands"} - {NO_SCOPE}
    assert set(scopes["bot"]) == needed == SCOPES
    assert all(NEEDED.get(method, NO_SCOPE) == scope for method, scope in CALLS.items())


def test_it_asks_for_addresses_only_where_people_are_found_by_them(settings: Settings) -> None:
    settings.SLACK_MATCH_EMAIL = True
    assert set(manifest()["oauth_config"]["scopes"]["bot"]) == SCOPES | {"users:read.email"}


def test_it_asks_to_see_channels_only_for_follow_ups_without_a_mention(
    capsys: pytest.CaptureFixture[str],
) -> None:
    call_command("slack_manifest", "--threads")
    found = json.loads(capsys.readouterr().out)
    more = {"channels:history", "groups:history"}
    assert set(found["oauth_config"]["scopes"]["bot"]) == SCOPES | more
    events = found["settings"]["event_subscriptions"]["bot_events"]
    assert set(events) == {*EVENTS, "message.channels", "message.groups"}


def test_it_asks_to_see_members_only_for_links(
    settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    settings.PUBLIC_URL = "https://ops.example.com:8443/portal"
    call_command("slack_manifest", "--unfurl")
    found = json.loads(capsys.readouterr().out)
    more = {"channels:read", "groups:read", "links:read", "links:write"}
    assert set(found["oauth_config"]["scopes"]["bot"]) == SCOPES | more
    assert "link_shared" in found["settings"]["event_subscriptions"]["bot_events"]
    assert found["features"]["unfurl_domains"] == ["ops.example.com"]
    assert all(NEEDED[method] == scope for method, scope in UNFURLING.items())
    settings.PUBLIC_URL = ""
    with pytest.raises(CommandError, match="set OPSPORTAL_PUBLIC_URL"):
        call_command("slack_manifest", "--unfurl")


def test_it_turns_on_what_the_bot_answers_and_no_addresses() -> None:
    found: dict[str, Any] = manifest()
    assert found["settings"]["socket_mode_enabled"] is True
    assert found["settings"]["interactivity"] == {"is_enabled": True}
    home = found["features"]["app_home"]
    assert home["messages_tab_enabled"] and not home["messages_tab_read_only_enabled"]
    assert home["home_tab_enabled"] is True
    [command] = found["features"]["slash_commands"]
    assert command["command"] == "/ops"
    assert "url" not in json.dumps(found), "Socket Mode needs none"


@pytest.mark.parametrize(("named", "allowed"), [([], False), (["T0"], False), (["T0", "E0"], True)])
def test_it_can_be_installed_for_an_organization_that_is_named(
    settings: Settings, named: list[str], allowed: bool
) -> None:
    settings.SLACK_WORKSPACES = named
    assert manifest()["settings"]["org_deploy_enabled"] is allowed


def test_the_page_about_slack_names_it_and_every_command() -> None:
    page = FILE.with_name("slack.md").read_text(encoding="utf-8")
    assert FILE.name in page
    assert any(FILE.name in remedy for remedy in REMEDIES.values())
    missing = [command.name for command in registry.commands if f"`{command.name}" not in page]
    assert missing == []
