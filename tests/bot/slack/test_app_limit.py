"""Slack says that it drops messages: seen on the dashboard, in the metrics, once in the log."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from prometheus_client import REGISTRY

from bot.models import BotProcess
from bot.slack.app_limit import AppLimit
from bot.slack.status import report
from ops.database import in_database
from tests.bot.conftest import QUICK, Workspace, until_stored
from tests.fakes.slack import APP, TEAM, FakeSlack

NOTICE = {
    "token": "vt", "type": "app_rate_limited", "team_id": TEAM, "api_app_id": APP,
    "minute_rate_limited": 1_760_005_930,
}  # fmt: skip
SAID = "Slack drops messages to the bot"


@pytest.mark.parametrize(
    ("envelope", "noted"),
    [
        ({"type": "events_api", "payload": NOTICE}, True),
        ({"type": "app_rate_limited"}, True),
        ({"type": "events_api", "payload": {"type": "event_callback"}}, False),
        ({"type": "events_api", "payload": None}, False),
        ({"type": ["app_rate_limited"], "payload": [NOTICE]}, False),
    ],
)
def test_it_knows_the_notice(envelope: dict[str, Any], noted: bool) -> None:
    limit = AppLimit()
    limit.note(envelope)
    assert (limit.at is not None) == noted


def test_the_log_says_it_once_until_it_is_over(caplog: pytest.LogCaptureFixture) -> None:
    limit = AppLimit()
    for _ in range(3):
        limit.note({"payload": NOTICE})
    assert caplog.text.count(SAID) == 1
    limit.at = timezone.now() - timedelta(minutes=6)
    limit.note({"payload": NOTICE})
    assert caplog.text.count(SAID) == 2


async def test_the_dashboard_and_the_metrics_show_it(workspace: Workspace) -> None:
    name = "opsportal_bot_app_rate_limited_total"
    before = REGISTRY.get_sample_value(name) or 0
    async with workspace(FakeSlack(), replace(QUICK, beat=0.02)) as slack:
        notice = await slack.send({"type": "events_api", "payload": NOTICE})
        await notice.acknowledged()
        await until_stored(BotProcess.objects.exclude(limited=None).exists)
        found = await report()
        assert found
        assert [each[:29] for each in found.troubles] == ["Slack is dropping messages to"]
    now = timezone.now()
    over = {"limited": now - timedelta(minutes=6), "seen": now, "reached": 2, "stopped": None}
    await in_database(BotProcess.objects.update, **over)
    found = await report()
    assert found
    assert found.troubles == ()
    assert REGISTRY.get_sample_value(name) == before + 1
