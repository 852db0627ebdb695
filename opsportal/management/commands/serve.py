from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from opsportal import processes, startup


class Command(BaseCommand):
    help = "Run the dashboard, the gRPC server and, when its tokens are set, the Slack bot."

    def handle(self, *args: Any, **options: Any) -> None:
        processes.checked_sites()
        processes.check_addresses()
        startup.check_start(bot=True)
        self.stdout.write(f"dashboard http://{settings.WEB_ADDRESS}  gRPC {settings.GRPC_ADDRESS}")
        processes.run(*processes.doors())
