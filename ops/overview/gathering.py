"""The overview of a site: every part at once, and a sentence for each one that is missing."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from ops.alerts.actions import AlertList
from ops.alerts.truth import Reason
from ops.overview.figures import known, problems_of
from ops.overview.happened import LATELY, MOST, Happened, happened
from ops.overview.lines import ServiceLine, line_of, read_services
from ops.overview.parts import Parts
from ops.sites import Service
from ops.versions.actions import ServiceVersions
from ops.vocabulary import timerange
from ops.vocabulary.summaries import TraceSummary


@dataclass(frozen=True, slots=True)
class Overview:
    """A site. `alerts` and `failing` are None if they could not be read.

    `happened` is what changed in the last hour, as far as it is known, the newest first.
    `lines` is the requested slice of the `services` that match: with `most`, services with the
    most urgent alerts come first, otherwise the site file's order applies. `mixed` are all of
    these that run several versions. `problems` has one sentence for each missing part and for
    each alert source that did not answer. `coming` names the parts that were not ready in time,
    `older` those of them that are shown as they were up to a minute ago.
    """

    site: str
    lines: tuple[ServiceLine, ...]
    alerts: AlertList | None
    failing: tuple[TraceSummary, ...] | None
    happened: tuple[Happened, ...]
    problems: tuple[str, ...]
    services: int
    mixed: tuple[ServiceVersions, ...]
    coming: tuple[str, ...] = ()
    older: tuple[str, ...] = ()


async def gather(parts: Parts, meant: Sequence[Service], first: int, most: int) -> Overview:
    """Read everything concurrently, for the services that are `meant`; see `show_overview`."""
    since = timerange.now_ns() - LATELY
    services, failing, changes, versions, alert_changes, others = await asyncio.gather(
        read_services(parts, meant, first, most or len(meant)),
        parts.failing(),
        parts.changes(),
        parts.versions(),
        parts.alert_changes(since),
        parts.other_changes(since),
    )
    told = known(others)
    active = known(services.alerts)
    silent = [failure.reason for failure in active.failures] if active else []
    doubted = active.doubts if active else ()
    doubts = [
        each.sentence for each in doubted if each.reason not in (Reason.SILENT, Reason.LOADING)
    ]
    traces, unsearched = known(failing) or (None, problems_of(failing))
    by_name = {each.service: each for each in known(versions) or ()}
    return Overview(
        site=parts.site.name,
        lines=tuple(
            line_of(service, services, by_name.get(service.name), coming=versions is None)
            for service in services.shown
        ),
        alerts=active,
        failing=traces,
        happened=happened(
            known(alert_changes) or (),
            known(changes) or (),
            {name: each.history for name, each in by_name.items() if each.history},
            since,
            timerange.now_ns(),
            told.found if told else (),
        )[:MOST],
        problems=tuple(
            dict.fromkeys(
                (
                    *problems_of(services.alerts),
                    *silent,
                    *doubts,
                    *unsearched,
                    *problems_of(changes, versions, alert_changes, others),
                )
            )
        ),
        services=len(meant),
        mixed=tuple(
            by_name[each.name]
            for each in meant
            if each.name in by_name and len(by_name[each.name].counts) > 1
        ),
        coming=tuple(parts.coming),
        older=tuple(parts.older),
    )
