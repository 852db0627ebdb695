from collections.abc import AsyncIterator, Callable
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.conf import settings
from django.core.management import CommandError, call_command
from pytest_django import Settings

from bot.slack.checkup import check_slack
from bot.slack.manifest import manifest
from tests.fakes.slack import (
    APP,
    APP_TOKEN,
    BOT_TOKEN,
    BOT_USER,
    CONFIG_TOKEN,
    SCOPES,
    FakeSlack,
    Fault,
    bot_user,
)

PAGE = Path(settings.BASE_DIR, "docs", "slack.md").read_text(encoding="utf-8")
PAGES = f"https://api.slack.com/apps/{APP}"


@pytest.fixture
async def slack(tokens: Settings) -> AsyncIterator[FakeSlack]:
    """A workspace in which everything is right, without a running bot."""
    tokens.SLACK_CONFIG_TOKEN = CONFIG_TOKEN
    async with FakeSlack() as slack:
        slack.manifest = manifest()
        tokens.SLACK_API_URL = slack.api_url
        yield slack


async def to_mend() -> list[str]:
    return [finding.sentence for finding in await check_slack() if finding.well is False]


async def test_it_says_that_all_is_well(slack: FakeSlack) -> None:
    findings = await check_slack()
    assert [finding.sentence for finding in findings] == [
        "OPSPORTAL_SLACK_BOT_TOKEN works: @opsportal in Acme (T0ACME001)",
        "the app has the scopes app_mentions:read, chat:write, commands, im:history, im:write, "
        "users:read",
        "users.info can look users up",
        "OPSPORTAL_SLACK_APP_TOKEN works",
        "Socket Mode works; no other connections",
        "the app sends app_home_opened, app_mention, message.im, user_change",
        "users can send it direct messages",
        "the app has buttons, the command /ops and a Home tab",
    ]
    assert all(finding.well for finding in findings)
    assert slack.violations == []


@pytest.mark.parametrize(
    ("setting", "token", "sentence", "page"),
    [
        ("APP", "", "OPSPORTAL_SLACK_APP_TOKEN is not set: it is the app-level token", ""),
        ("APP", f"xapp-1-{APP}-no", "OPSPORTAL_SLACK_APP_TOKEN (invalid_auth): copy it", "general"),
        ("APP", BOT_TOKEN, "not_allowed_token_type", ""),
        ("BOT", "", "OPSPORTAL_SLACK_BOT_TOKEN is not set: it is the Bot User", "oauth"),
        ("BOT", "xoxb-other", "refused OPSPORTAL_SLACK_BOT_TOKEN (invalid_auth)", "oauth"),
        ("CONFIG", "xoxe.old", "refused OPSPORTAL_SLACK_CONFIG_TOKEN (invalid_auth)", ""),
    ],
)  # fmt: skip
async def test_it_names_the_token_and_its_page(
    slack: FakeSlack, tokens: Settings, setting: str, token: str, sentence: str, page: str
) -> None:
    setattr(tokens, f"SLACK_{setting}_TOKEN", token)
    [found] = await to_mend()
    assert sentence in found
    assert found.endswith(f", {PAGES}/{page}" if page else ", https://api.slack.com/apps")


async def test_it_names_each_missing_scope_and_what_it_is_for(
    slack: FakeSlack, tokens: Settings
) -> None:
    tokens.SLACK_MATCH_EMAIL = True
    slack.scopes = {"chat:write", "app_mentions:read", "channels:history"}
    assert await to_mend() == [
        "the app lacks commands (for the command /ops), im:history (for the event message.im), "
        "im:write (for conversations.open), users:read (for the event user_change), "
        "users:read.email (for OPSPORTAL_SLACK_MATCH_EMAIL): add them under Bot Token Scopes, "
        f"{PAGES}/oauth, then reinstall the app, {PAGES}/install-on-team"
    ]


async def test_it_names_scopes_that_are_not_needed(slack: FakeSlack) -> None:
    slack.scopes = {*SCOPES, "channels:history"}
    assert (await check_slack())[1].sentence.endswith("; it does not need channels:history")


async def test_it_sees_that_two_tokens_are_of_two_apps(slack: FakeSlack) -> None:
    other = bot_user()
    other["profile"]["api_app_id"] = "A0ANOTHER"
    slack.users[BOT_USER] = other
    [found] = await to_mend()
    assert f"is from the app {APP}, but OPSPORTAL_SLACK_BOT_TOKEN is from A0ANOTHER" in found


async def test_it_names_missing_events_and_settings(slack: FakeSlack) -> None:
    slack.manifest["settings"]["event_subscriptions"]["bot_events"] = ["app_mention"]
    slack.manifest["features"]["app_home"]["messages_tab_read_only_enabled"] = True
    slack.manifest["features"]["slash_commands"] = []
    slack.manifest["settings"]["interactivity"] = {"is_enabled": False}
    events, messages, interactions = await to_mend()
    assert events.startswith(
        "the app does not send app_home_opened, message.im, user_change: add them under"
    )
    assert interactions == (
        f"the app has no buttons: turn on Interactivity, {PAGES}/interactive-messages; "
        f"no command /ops: create it, {PAGES}/slash-commands"
    )
    assert f"{PAGES}/event-subscriptions" in events
    assert messages.endswith(f"{PAGES}/app-home")
    slack.manifest = {}
    assert len(await to_mend()) == 3


async def test_it_says_what_it_could_not_ask(slack: FakeSlack, tokens: Settings) -> None:
    tokens.SLACK_CONFIG_TOKEN = ""
    findings = await check_slack()
    assert findings[-1].well is None
    unset = "not checked, because OPSPORTAL_SLACK_CONFIG_TOKEN is not set"
    assert findings[-1].sentence.startswith(unset)
    for finding in findings:
        mark = "✓" if finding.well else "?"
        assert f"{mark} {finding.sentence}\n" in PAGE, "the page shows what a newcomer will see"


async def test_it_says_that_socket_mode_is_off(slack: FakeSlack) -> None:
    slack.socket_mode = False
    assert await to_mend() == [f"Socket Mode is off: turn it on, {PAGES}/socket-mode"]


async def test_it_says_who_else_is_connected(slack: FakeSlack) -> None:
    slack.hello = {"num_connections": 2}
    assert "1 other connection" in [each.sentence for each in await check_slack()][4]
    slack.most_sockets = 0
    [found] = await to_mend()
    assert found.startswith("ten connections already use this app")


async def test_it_says_that_the_socket_does_not_open(slack: FakeSlack) -> None:
    slack.handshakes_fail = 1
    [found] = await to_mend()
    assert found.startswith("Slack's socket does not open (HTTP 503)")
    slack.hello = {"type": "something else"}
    assert "Socket Mode is off" in (await to_mend())[0]


@pytest.mark.parametrize(
    ("fault", "sentence"),
    [
        (Fault(reset=True), "did not answer (ServerDisconnectedError)"),
        (Fault(), "is not Slack's: if Slack is only reachable"),
        (Fault(body=b'"ok"'), "is not Slack's: if Slack is only reachable"),
        (Fault(status=500), "answered with HTTP 500: try again in a minute"),
        (Fault("ratelimited", status=429, retry_after=9), "(ratelimited): try again in a minute"),
        (Fault("token_revoked"), "(token_revoked): reinstall the app"),
        (Fault("internal_error"), "Slack cannot answer right now (internal_error): try again in a"),
        (Fault(body=b"<html>"), "is not Slack's: if Slack is only reachable"),
        (Fault("something_new"), "(something_new): create a new one"),
    ],
)
@pytest.mark.parametrize("method", ["auth.test", "apps.connections.open", "users.info"])
async def test_it_says_what_every_failure_means(
    slack: FakeSlack, method: str, fault: Fault, sentence: str
) -> None:
    slack.fail(method, fault, fault)  # aiohttp retries where that is safe
    [found] = await to_mend()
    assert sentence in found


async def test_it_says_what_to_do_about_a_missing_scope(slack: FakeSlack) -> None:
    slack.fail("auth.test", Fault("missing_scope"))
    slack.fail("apps.connections.open", Fault("missing_scope"))
    bot, app = await to_mend()
    assert "(missing_scope): give the app the scopes in docs/slack-manifest.json" in bot
    assert "(missing_scope): create a new one; it is the app-level token (xapp-…) with" in app


async def test_it_never_shows_a_token(slack: FakeSlack) -> None:
    def broken() -> None:
        slack.socket_mode = False

    def refused() -> None:
        slack.fail("auth.test", Fault("invalid_auth"))
        slack.fail("apps.connections.open", Fault("missing_scope"))
        slack.fail("apps.manifest.export", Fault("invalid_auth"))

    steps: list[Callable[[], Any]] = [lambda: None, broken, refused]
    for step in steps:
        step()
        shown = " ".join(finding.sentence for finding in await check_slack())
        for secret in (APP_TOKEN, BOT_TOKEN, CONFIG_TOKEN, "secret", "ticket"):
            assert secret not in shown


async def test_its_exit_status_says_whether_something_is_to_mend(
    slack: FakeSlack, tokens: Settings
) -> None:
    run = sync_to_async(call_command)
    output = StringIO()
    await run("check_slack", stdout=output)
    assert output.getvalue().startswith("✓ OPSPORTAL_SLACK_BOT_TOKEN works")
    assert "?" not in output.getvalue()
    tokens.SLACK_CONFIG_TOKEN, config = "", tokens.SLACK_CONFIG_TOKEN
    await run("check_slack", stdout=output)
    tokens.SLACK_CONFIG_TOKEN = config
    assert "\n? not checked, because" in output.getvalue()
    slack.socket_mode = False
    with pytest.raises(CommandError, match="1 of 8 checks failed"):
        await run("check_slack", stdout=output)
    assert "✗ Socket Mode is off" in output.getvalue()
