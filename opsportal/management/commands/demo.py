import asyncio
from typing import Any

from django.conf import settings
from django.contrib.auth.models import Group, User
from django.core.management import call_command
from django.core.management.base import BaseCommand

from opsportal import processes
from opsportal.demo import environment
from opsportal.demo.site import DemoSite

LINES = """
The OpsPortal demo is running: three petstores with live traffic, traces, metrics and alerts.

  dashboard   http://{web}
  log in      {user} / {password}
  gRPC        {grpc}   (reflection is on; calls without a token act as "{user}")
  the bot     in another terminal: make bot

It needs a minute to have something to show. Press Ctrl-C to stop it.
"""


class Command(BaseCommand):
    help = "Run OpsPortal with a demo site in one process, on SQLite, without other servers."

    def handle(self, *args: Any, **options: Any) -> None:
        processes.check_addresses()
        call_command("migrate", verbosity=0)
        password = environment.secret("password")[:16]
        _make_user(password)
        self.lines = LINES.format(
            web=settings.WEB_ADDRESS,
            grpc=settings.GRPC_ADDRESS,
            user=environment.USER,
            password=password,
        )
        processes.run(self.demo)

    async def demo(self, stop: asyncio.Event) -> None:
        async with DemoSite() as site:
            (environment.FOLDER / "sites.toml").write_text(site.sites_toml)
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
