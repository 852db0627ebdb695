from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand

from opsportal import backup


class Command(BaseCommand):
    help = "Back up the SQLite database to a new file, even while it is in use."
    requires_system_checks = ()  # a backup needs no site file

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "path", metavar="PATH", type=Path, help="a file that does not exist yet"
        )

    def handle(self, *args: Any, path: Path, **options: Any) -> None:
        seq, digest = backup.back_up(backup.database_file(), path)
        self.stdout.write(f"{path} is complete; the head of its audit log is {seq}:{digest}")
