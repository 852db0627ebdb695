import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from bot.slack.manifest import manifest


class Command(BaseCommand):
    help = "Print the manifest of the Slack app, with only the scopes that the settings need."
    requires_system_checks = ()  # it needs neither a site file nor a database

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--threads",
            action="store_true",
            help="answer follow-ups in threads without a mention, which needs to see all messages",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        self.stdout.write(json.dumps(manifest(threads=options["threads"]), indent=2))
