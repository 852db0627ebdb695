from collections.abc import Sequence

from django.core.management.base import BaseCommand, CommandError

from ops.findings import Finding


def show(command: BaseCommand, findings: Sequence[Finding]) -> None:
    """Print one line for each finding; raises CommandError if something must be fixed."""
    style = command.style
    marks = {True: style.SUCCESS("✓"), False: style.ERROR("✗"), None: style.WARNING("?")}
    for finding in findings:
        command.stdout.write(f"{marks[finding.well]} {finding.sentence}")
    if wrong := sum(finding.well is False for finding in findings):
        raise CommandError(f"{wrong} of {len(findings)} checks failed")
