import asyncio
from argparse import ArgumentParser
from collections.abc import Collection
from functools import partial
from typing import Any

from django.conf import settings
from django.contrib.auth.models import Group, User
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError

from ops.versions.models import VersionPeriod
from opsportal import processes
from opsportal.demo import environment, orders
from opsportal.demo.environment import FOLDER
from opsportal.demo.site import PETSTORES, POLICY, DemoSite

LINES = """
The OpsPortal demo is running: three petstores with live traffic, traces, metrics and alerts.

  dashboard   http://{web}
  log in      {user} / {password}, or {approver} / {other_password}
  gRPC        {grpc}   (reflection is on; calls without a token act as "{user}")
  sampling    http://{site.http}, gRPC {site.grpc}   (where services ask for it)
  the bot     in another terminal: make bot
  a bad day   in another terminal: make demo RELEASE=bad, and RELEASE=good to end it
  a restart   in another terminal: make demo RESTART={petstore}

The first alert comes after a minute. Press Ctrl-C to stop it.
"""
USERS = {
    environment.USER: ("operators", "auditors"),
    environment.APPROVER: ("approvers",),
}
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

        parser.add_argument(
            "--restart",
            choices=PETSTORES,
            help="let a petstore of the running demo begin again, with its own sampling",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        release, restart = options["release"], options["restart"]
        if (release or restart) and orders.is_running(FOLDER):
            self.order(release, restart)
            return
        if restart:
            raise CommandError("the demo is not running; start it with make demo")
        with orders.running(FOLDER):
            for kind in (orders.RELEASE, orders.RESTART):
                orders.take(FOLDER, kind)  # one that an earlier demo has left
            if release:
                orders.give(FOLDER, orders.RELEASE, release)
            self.run()

    def order(self, release: str | None, restart: str | None) -> None:
        """Tell the running demo what to do."""
        if release:
            orders.give(FOLDER, orders.RELEASE, release)
            self.stdout.write(ORDERED[release])
        if restart:
            orders.give(FOLDER, orders.RESTART, restart)
            self.stdout.write(f"{restart} restarts now: it begins with its own sampling, {POLICY}.")

    def run(self) -> None:
        """Run the demo until it is stopped."""
        processes.check_addresses()
        call_command("migrate", verbosity=0)
        passwords = {
            environment.USER: environment.secret("password")[:16],
            environment.APPROVER: environment.secret("approver_password")[:16],
        }
        for name, groups in USERS.items():
            _make_user(name, passwords[name], groups)
        # The petstores start with their first release again; the past must not hold newer ones.
        VersionPeriod.objects.all().delete()
        self.passwords = passwords
        processes.run(self.demo)

    async def demo(self, stop: asyncio.Event) -> None:
        take = partial(orders.take, FOLDER)
        async with DemoSite(
            order=partial(take, orders.RELEASE), restarts=partial(take, orders.RESTART)
        ) as site:
            (FOLDER / "sites.toml").write_text(site.sites_toml)
            processes.checked_sites()
            self.stdout.write(self.lines(site))
            await processes.together(processes.doors(), stop)

    def lines(self, site: DemoSite) -> str:
        """Return what to print at the start."""
        return LINES.format(
            web=settings.WEB_ADDRESS,
            grpc=settings.GRPC_ADDRESS,
            site=site,
            user=environment.USER,
            password=self.passwords[environment.USER],
            approver=environment.APPROVER,
            other_password=self.passwords[environment.APPROVER],
            petstore=PETSTORES[1],
        )


def _make_user(name: str, password: str, groups: Collection[str]) -> None:
    user, _ = User.objects.get_or_create(username=name)
    if not user.check_password(password):
        user.set_password(password)
        user.save()
    user.groups.set(Group.objects.filter(name__in=groups))
