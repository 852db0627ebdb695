"""The running versions of one service or of all."""

from collections.abc import Sequence

from bot.answers.phrases import LONGEST_SENTENCE, count, elsewhere, failing_traces
from bot.links import page
from bot.replies import Reply, Row, shortened
from ops.versions.actions import ServiceVersions


def version_list(found: Sequence[ServiceVersions]) -> Reply:
    """Return the running versions: of one service by instance, of several by service."""
    site = found[0].site if found else ""
    if len(found) == 1:
        only = found[0]
        summary = f"{only.service}: {shortened(only.problem or only.summary, LONGEST_SENTENCE)}"
    else:
        mixed = [versions.service for versions in found if len(versions.counts) > 1]
        unknown = [versions.service for versions in found if versions.problem]
        parts = [f"several versions of {', '.join(mixed)}"] if mixed else []
        parts += [f"unknown for {', '.join(unknown)}"] if unknown else []
        summary = f"{count(len(found), 'service')}, {'; '.join(parts) or 'one version each'}"
    return Reply(
        summary + elsewhere(site),
        rows=tuple(row for versions in found for row in _version_rows(versions, len(found) > 1)),
        columns=("Instance" if len(found) == 1 else "Service", "Version", "Instances"),
        notes=tuple(warning for versions in found for warning in versions.warnings),
        links=page("the versions", "versions", site),
        follow_ups=tuple(
            failing_traces(each.service, site) for each in found if len(each.counts) > 1
        ),
    )


def _version_rows(versions: ServiceVersions, several: bool) -> list[Row]:
    instances = [(each.instance, each.version or "unknown") for each in versions.instances]
    if not several:
        return [Row(cells) for cells in instances]
    apart = tuple(map("  ".join, instances)) if len(versions.counts) > 1 else ()
    if versions.problem:
        return [
            Row((versions.service, "unknown"), (shortened(versions.problem, LONGEST_SENTENCE),))
        ]
    return [Row((versions.service, versions.summary), apart)]
