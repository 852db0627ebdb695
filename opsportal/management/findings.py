from collections.abc import Sequence

from django.core.management.base import BaseCommand, CommandError

from ops.findings import Finding


def show(command: BaseCommand, findings: Sequence[Finding]) -> None:
    """Print a line each; raises CommandError when something is to mend."""
    style = command.style
    marks = {True: style.SUCCESS("✓"), False: style.ERROR("✗"), None: style.WARNING("?")}
    for finding in findings:
        command.stdout.write(f"{marks[finding.well]} {finding.sentence}")
    if wrong := sum(finding.well is False for finding in findings):
        raise CommandError(f"{wrong} of {len(findings)} to mend")
