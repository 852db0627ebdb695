import re
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from ops.audit import chain


class Command(BaseCommand):
    help = "Walk the audit log's hash chain and name the first row that is not as it was written."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--expect",
            metavar="SEQ:HASH",
            help="a row noted earlier (from /metrics or this command): finds a cut tail too",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        seq, digest = _expected(options["expect"]) if options["expect"] else (0, "")
        last, last_hash = 0, chain.GENESIS
        for step in chain.verify():
            if isinstance(step, chain.Fault):
                raise CommandError(f"row {step.seq} is not as it was written: {step.reason}")
            last, last_hash = step
            if last == seq and last_hash != digest:
                raise CommandError(f"row {seq} has the hash {last_hash}, not the expected one")
        if last < seq:
            raise CommandError(f"the log ends at row {last}; rows up to {seq} were cut off")
        self.stdout.write(f"{last} rows are as they were written; the head is {last}:{last_hash}")


def _expected(text: str) -> tuple[int, str]:
    seq, _, digest = text.partition(":")
    if not re.fullmatch("[0-9]+", seq) or len(digest) != len(chain.GENESIS):
        raise CommandError("--expect is SEQ:HASH, a number and 64 hex digits")
    return int(seq), digest.lower()
