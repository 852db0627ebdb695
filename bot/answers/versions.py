"""The running versions of one service or of all."""

from collections.abc import Sequence

from bot.answers.phrases import LONGEST_SENTENCE, elsewhere, failing_traces
from bot.answers.times import lasting, past
from bot.links import page
from bot.replies import Reply, Row, Sentence
from ops.versions.actions import ServiceVersions, State
from ops.vocabulary.figures import count
from ops.vocabulary.texts import shortened

_CALM = (State.STEADY, State.UNKNOWN)


def version_list(found: Sequence[ServiceVersions]) -> Reply:
    """Return the running versions: of one service by instance, of several by service."""
    site = found[0].site if found else ""
    if len(found) == 1:
        only = found[0]
        said = only.problem or "; ".join(filter(None, (only.summary, only.news)))
        summary = f"{only.service}: {shortened(said, LONGEST_SENTENCE)}"
    else:
        summary = f"{count(len(found), 'service')}, {_standing_out(found)}"
    return Reply(
        summary + elsewhere(site),
        rows=tuple(row for versions in found for row in _version_rows(versions, len(found) > 1)),
        columns=("Instance" if len(found) == 1 else "Service", "Version", "Instances"),
        notes=(
            *(_since(found[0]) if len(found) == 1 else ()),
            *dict.fromkeys(warning for versions in found for warning in versions.warnings),
        ),
        links=page("the versions", "versions", site),
        follow_ups=tuple(
            failing_traces(each.service, site)
            for each in found
            if each.mixed or each.rollout.state not in _CALM
        ),
    )


def _standing_out(found: Sequence[ServiceVersions]) -> str:
    """Return which services are stuck, run several versions, or cannot be read."""
    stuck = [each.service for each in found if each.rollout.state is State.STUCK]
    mixed = [each.service for each in found if each.mixed and each.service not in stuck]
    unknown = [each.service for each in found if not (each.counts or each.unset)]
    unset = [each.service for each in found if each.unset]
    parts = [f"rollout stuck for {', '.join(stuck)}"] if stuck else []
    parts += [f"several versions of {', '.join(mixed)}"] if mixed else []
    parts += [f"unknown for {', '.join(unknown)}"] if unknown else []
    parts += [f"no version query for {', '.join(unset)}"] if unset else []
    return "; ".join(parts) or "one version each"


def _since(versions: ServiceVersions) -> tuple[str, ...]:
    """Return since when it runs what it runs, and what ran before, as a note."""
    rollout, history = versions.rollout, versions.history
    if not (versions.counts and history):
        return ()
    if not rollout.since:
        return (f"No change of version in the last {lasting(history.end - history.start)}",)
    before = f"; before that, {shortened(rollout.previous, 80)}" if rollout.previous else ""
    return (Sentence("Since ", past(rollout.since), before),)


def _version_rows(versions: ServiceVersions, several: bool) -> list[Row]:
    instances = [(each.instance, each.version or each.lack.value) for each in versions.instances]
    if versions.silent:
        instances.append((count(versions.silent, "instance"), "silent"))
    if not several:
        return [Row(cells) for cells in instances]
    if versions.problem:
        version = "not set up" if versions.unset else "unknown"
        return [Row((versions.service, version), (shortened(versions.problem, LONGEST_SENTENCE),))]
    news = (shortened(versions.news, LONGEST_SENTENCE),) if versions.news else ()
    apart = tuple(map("  ".join, instances)) if versions.mixed else ()
    return [Row((versions.service, versions.summary), (*news, *apart))]
