from argparse import ArgumentParser
from datetime import timedelta
from typing import Any

from django.contrib.auth.models import User
from django.core.management.base import BaseCommand, CommandError
from django.db import transaction
from django.utils import timezone

from ops.actor import new_request_id
from ops.audit import chain
from ops.audit.models import Outcome
from ops.rpc.models import make_token
from opsportal.management.typist import whoever_types

MOST_DAYS = 3650
LONGEST_NAME = 100


class Command(BaseCommand):
    help = "Create a bearer token with which a program calls gRPC as USER."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("user", metavar="USER")
        parser.add_argument("--name", default="", help="what the token is for, shown in admin")
        parser.add_argument(
            "--days", type=int, default=90, help="days until it expires; default 90"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        user = User.objects.filter(username=options["user"], is_active=True).first()
        if user is None:
            raise CommandError(f'there is no active user "{options["user"]}"')
        if not 1 <= options["days"] <= MOST_DAYS:
            raise CommandError(f"--days is {options['days']}; it must be from 1 to {MOST_DAYS}")
        if len(options["name"]) > LONGEST_NAME:
            raise CommandError(f"--name is too long; use at most {LONGEST_NAME} characters")
        expires = timezone.now() + timedelta(days=options["days"])
        new_request_id()
        with transaction.atomic():
            token = make_token(user, options["name"], expires)
            chain.append(whoever_types(), "rpc.create_token", f"user/{user}", Outcome.OK)
        self.stdout.write(token)
        self.stderr.write(f"valid until {expires:%Y-%m-%d %H:%M} UTC; it is shown only once")
