from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand

from ops.actor import new_request_id
from ops.audit.actions import record_restore
from opsportal import backup
from opsportal.management.typist import whoever_types


class Command(BaseCommand):
    help = "Replace the SQLite database with a backup; stop everything that uses it first."
    requires_system_checks = ()  # a restore must work before the rest does

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "path", metavar="PATH", type=Path, help="a file written by manage.py backup"
        )

    def handle(self, *args: Any, path: Path, **options: Any) -> None:
        restored = backup.restore(path, backup.database_file())
        head = _written(restored.head)
        self.stdout.write(f"restored {path}; the head of its audit log is {head}")
        if restored.kept:
            until = f" (up to audit row {restored.replaced[0]})" if restored.replaced else ""
            self.stdout.write(f"the replaced database{until} is kept as {restored.kept}")
        new_request_id()
        record_restore(
            whoever_types(),
            backup=path.name,
            head=head,
            replaced=_written(restored.replaced) if restored.replaced else "",
        )
        self.stdout.write("if the backup is from an older release, run manage.py migrate now")


def _written(head: backup.Head) -> str:
    return f"{head[0]}:{head[1]}"
