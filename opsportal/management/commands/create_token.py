from argparse import ArgumentParser
from datetime import timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from ops.actor import new_request_id
from ops.errors import OpsError
from ops.rpc.actions import create_token
from opsportal.management.typist import whoever_types

MOST_DAYS = 3650
LONGEST_NAME = 100


class Command(BaseCommand):
    help = "Create a bearer token with which a program calls gRPC as USER."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("user", metavar="USER")
        parser.add_argument("--name", default="", help="what the token is for, shown in the admin")
        parser.add_argument(
            "--days", type=int, default=90, help="days until it expires; default 90"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if not 1 <= options["days"] <= MOST_DAYS:
            raise CommandError(f"--days must be from 1 to {MOST_DAYS}, not {options['days']}")
        if len(options["name"]) > LONGEST_NAME:
            raise CommandError(f"--name is too long; use at most {LONGEST_NAME} characters")
        expires = timezone.now() + timedelta(days=options["days"])
        new_request_id()
        try:
            token = create_token(
                whoever_types(), user=options["user"], name=options["name"], expires=expires
            )
        except OpsError as error:
            raise CommandError(str(error)) from error
        self.stdout.write(token)
        self.stderr.write(
            f"Valid until {expires:%Y-%m-%d %H:%M} UTC. Save it now: it is not shown again."
        )
