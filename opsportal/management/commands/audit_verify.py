import re
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError

from ops.audit import chain


class Command(BaseCommand):
    help = "Verify the audit log's hash chain and report the first invalid row."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--expect",
            metavar="SEQ:HASH",
            help="a row noted earlier (from /metrics or this command); detects cut-off rows too",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        given = options["expect"]
        seq, digest = (0, chain.GENESIS) if given is None else _expected(given)
        try:
            last, last_hash = _walked(seq, digest)
        except DatabaseError as error:
            raise CommandError(
                f"cannot read the audit log: {str(error).strip()}; check DATABASE_URL, "
                "and that manage.py migrate was run"
            ) from error
        rows = "1 row" if last == 1 else f"{last} rows"
        self.stdout.write(f"{rows} verified; the head is {last}:{last_hash}")


def _walked(seq: int, digest: str) -> tuple[int, str]:
    """Return the head of the chain; raises CommandError if a row or the expected hash differs."""
    last, last_hash = 0, chain.GENESIS
    if seq == 0 and digest != last_hash:
        raise CommandError(f"the hash before row 1 is {last_hash}, not the expected one")
    for step in chain.verify():
        if isinstance(step, chain.Fault):
            raise CommandError(f"row {step.seq} is invalid: {step.reason}")
        last, last_hash = step
        if last == seq and last_hash != digest:
            raise CommandError(f"row {seq} has the hash {last_hash}, not the expected one")
    if last < seq:
        raise CommandError(f"the log ends at row {last}; rows up to {seq} were cut off")
    return last, last_hash


def _expected(text: str) -> tuple[int, str]:
    match = re.fullmatch("([0-9]{1,18}):([0-9a-fA-F]{64})", text.strip())
    if match is None:
        given = f'"{text[:100]}"' if text.strip() else "empty"
        raise CommandError(f"--expect is {given}; it must be SEQ:HASH, a number and 64 hex digits")
    return int(match[1]), match[2].lower()
