from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from opsportal import processes, startup


class Command(BaseCommand):
    help = "Watch the sites, with /healthz, /readyz and /metrics on their own port."

    def handle(self, *args: Any, **options: Any) -> None:
        found = processes.checked_sites()
        startup.check_start(bot=False)
        if not settings.REDIS_URL:
            self.stderr.write(
                "REDIS_URL is not set: other processes cannot see what this one watches and ask "
                "the sources themselves; only the history is shared"
            )
        names = ", ".join(found.all)
        self.stdout.write(f"watching {names}  health http://{settings.HEALTH_ADDRESS}")
        processes.run(processes.watch, processes.probes)
