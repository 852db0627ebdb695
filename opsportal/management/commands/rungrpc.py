from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from opsportal import processes, startup


class Command(BaseCommand):
    help = "Run the gRPC server alone, with /healthz, /readyz and /metrics on their own port."

    def handle(self, *args: Any, **options: Any) -> None:
        processes.checked_sites()
        startup.check_start(bot=False)
        self.stdout.write(f"gRPC {settings.GRPC_ADDRESS}  health http://{settings.HEALTH_ADDRESS}")
        processes.run(processes.grpc, processes.probes)
