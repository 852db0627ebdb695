import asyncio
from typing import Any

from django.core.management.base import BaseCommand

from bot.slack.checkup import check_slack
from opsportal.management.findings import show


class Command(BaseCommand):
    help = (
        "Check the bot's tokens, scopes, events and socket with Slack; say what to fix and where."
    )
    requires_system_checks = ()  # it needs neither a site file nor a database

    def handle(self, *args: Any, **options: Any) -> None:
        show(self, asyncio.run(check_slack()))
