import json
from argparse import ArgumentParser
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

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
        parser.add_argument(
            "--unfurl",
            action="store_true",
            help="show verdicts below links to OPSPORTAL_PUBLIC_URL, which needs to see members",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        host = urlsplit(settings.PUBLIC_URL).hostname if options["unfurl"] else ""
        if options["unfurl"] and not host:
            raise CommandError("set OPSPORTAL_PUBLIC_URL to unfurl links to it")
        found = manifest(threads=options["threads"], unfurl=host or "")
        self.stdout.write(json.dumps(found, indent=2))
