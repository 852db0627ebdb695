from collections.abc import Sequence

from django.core.management.base import BaseCommand, CommandError

from ops.findings import Finding


def show(command: BaseCommand, findings: Sequence[Finding]) -> None:
    """Print a line each; raises CommandError when something is to mend."""
    for finding in findings:
        mark = command.style.SUCCESS("✓") if finding.well else command.style.ERROR("✗")
        command.stdout.write(f"{mark} {finding.sentence}")
    if wrong := sum(not finding.well for finding in findings):
        raise CommandError(f"{wrong} of {len(findings)} to mend")
