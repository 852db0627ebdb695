from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from opsportal import processes, startup
from opsportal.remote import addresses, remote


class Command(BaseCommand):
    help = "Answer machines alone: Jaeger's remote sampling and OpAMP, even without the database."

    def handle(self, *args: Any, **options: Any) -> None:
        served = addresses(processes.checked_sites())
        if not served:
            raise CommandError(
                "no site has a table [sites.NAME.remote]; docs/configuration.md describes it"
            )
        startup.check_place()
        lines = [f"{at.site}: {at.protocol} {at.address}" for at in served]
        self.stdout.write("\n".join([*lines, f"health http://{settings.HEALTH_ADDRESS}"]))
        processes.run(remote, processes.probes)
