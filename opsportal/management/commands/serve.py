from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from opsportal import processes, remote, startup


class Command(BaseCommand):
    help = "Run every door and the watcher; the Slack bot when its tokens are set."

    def handle(self, *args: Any, **options: Any) -> None:
        found = processes.checked_sites()
        processes.check_addresses()
        remote.check_addresses(found)
        startup.check_start(bot=True)
        self.stdout.write(f"dashboard http://{settings.WEB_ADDRESS}  gRPC {settings.GRPC_ADDRESS}")
        for at in remote.addresses(found):
            self.stdout.write(f"sampling of {at.site}: {at.protocol} {at.address}")
        processes.run(*processes.doors())
