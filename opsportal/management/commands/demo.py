import asyncio
from argparse import ArgumentParser
from functools import partial
from typing import Any

from django.conf import settings
from django.contrib.auth.models import Group, User
from django.core.management import call_command
from django.core.management.base import BaseCommand

from ops.versions.models import VersionPeriod
from opsportal import processes
from opsportal.demo import environment, orders
from opsportal.demo.environment import FOLDER
from opsportal.demo.site import DemoSite

LINES = """
The OpsPortal demo is running: three petstores with live traffic, traces, metrics and alerts.

  dashboard   http://{web}
  log in      {user} / {password}
  gRPC        {grpc}   (reflection is on; calls without a token act as "{user}")
  the bot     in another terminal: make bot
  a bad day   in another terminal: make demo RELEASE=bad, and RELEASE=good to end it

The first alert comes after a minute. Press Ctrl-C to stop it.
"""
ORDERED = {
    orders.BAD: "The demo's petstores get a bad release now, one after the other.\n"
    "make demo RELEASE=good brings the good one back.",
    orders.GOOD: "The demo's petstores go back to the good release now, one after the other.",
}


class Command(BaseCommand):
    help = "Run OpsPortal with a demo site in one process, on SQLite, without other servers."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--release",
            choices=ORDERED,
            help="roll out a bad release, or go back to the good one; a running demo does it",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        release = options["release"]
        if release and orders.is_running(FOLDER):
            orders.give(FOLDER, release)
            self.stdout.write(ORDERED[release])
            return
        with orders.running(FOLDER):
            orders.take(FOLDER)  # one that an earlier demo has left
            if release:
                orders.give(FOLDER, release)
            self.run()

    def run(self) -> None:
        """Run the demo until it is stopped."""
        processes.check_addresses()
        call_command("migrate", verbosity=0)
        password = environment.secret("password")[:16]
        _make_user(password)
        # The petstores start with their first release again; the past must not hold newer ones.
        VersionPeriod.objects.all().delete()
        self.lines = LINES.format(
            web=settings.WEB_ADDRESS,
            grpc=settings.GRPC_ADDRESS,
            user=environment.USER,
            password=password,
        )
        processes.run(self.demo)

    async def demo(self, stop: asyncio.Event) -> None:
        async with DemoSite(order=partial(orders.take, FOLDER)) as site:
            (FOLDER / "sites.toml").write_text(site.sites_toml)
            processes.checked_sites()
            self.stdout.write(self.lines)
            await processes.together(processes.doors(), stop)


def _make_user(password: str) -> None:
    """Create the demo's only user, an operator and auditor."""
    user, _ = User.objects.get_or_create(username=environment.USER)
    if not user.check_password(password):
        user.set_password(password)
        user.save()
    user.groups.set(Group.objects.filter(name__in=("operators", "auditors")))
