"""What the page of an incident draws, and where the parts of its story lead."""

from collections.abc import Iterator
from urllib.parse import urlencode

from ops.incidents.actions import LineKind, SampledFor, ServiceDuring, Story, Target, TargetKind
from opsportal.dashboard import words
from opsportal.dashboard.alert_words import tone
from opsportal.dashboard.charts import COLOURS
from opsportal.dashboard.failing_lane import coming
from opsportal.dashboard.lanes import Bar, Lane, Mark
from opsportal.dashboard.visit import Visit

MOST_ALERTS = 12  # lanes of alerts: those that fired first
SIGNS = {
    LineKind.OPENED: "▷",
    LineKind.FIRING: "▲",
    LineKind.RESOLVED: "✓",
    LineKind.ROLLOUT: "⇧",
    LineKind.BACK: "⇩",
    LineKind.SAMPLING: "◎",
    LineKind.REQUEST: "◌",
    LineKind.SILENCE: "⊘",
    LineKind.HELD: "●",
    LineKind.NOTE: "✎",
    LineKind.PINNED: "◆",
    LineKind.CLOSED: "■",
    LineKind.REOPENED: "▷",
}
_BY_PEOPLE = {
    LineKind.OPENED, LineKind.HELD, LineKind.SILENCE, LineKind.NOTE, LineKind.PINNED,
    LineKind.CLOSED, LineKind.REOPENED,
}  # fmt: skip


def address_of(visit: Visit, target: Target | None) -> str:
    """Return the address of a target, "" for none."""
    if target is None:
        return ""
    match target.kind:
        case TargetKind.ALERT:
            return visit.url("alerts-one", fingerprint=target.key)
        case TargetKind.TRACE:
            return visit.url("traces-one", trace_id=target.key)
        case TargetKind.SERVICE:
            return visit.url("overview-service", service=target.key)
        case TargetKind.SAMPLING:
            return f"{visit.url('sampling')}?{urlencode({'service': target.key})}"
        case TargetKind.VERSIONS:
            return visit.url("versions")


def lanes(visit: Visit, story: Story, *, traced: bool) -> list[Lane]:
    """Return what ran, what fired, what failed, how it was sampled, and what people did.

    `traced` means that its traces are read later, and fill in the lanes of what failed.
    """
    marks = tuple(
        Mark(line.at, line.text, sign=SIGNS[line.kind])
        for line in story.lines
        if line.kind in _BY_PEOPLE
    )
    return [
        *(_versions(visit, each) for each in story.services if each.ran),
        *_alerts(visit, story),
        *(coming(story) if traced else ()),
        *(_sampling(visit, each) for each in story.services if each.sampled),
        Lane("people", marks=marks),
    ]


def _versions(visit: Visit, during: ServiceDuring) -> Lane:
    known = list(dict.fromkeys(version for each in during.ran for version in each.counts))
    hues = {version: f"s{number % COLOURS + 1}" for number, version in enumerate(known)}
    bars = []
    for each in during.ran:
        total = sum(each.counts.values())
        newest = max(each.counts, key=known.index)
        said = ", ".join(f"{words.name(name)} on {count}" for name, count in each.counts.items())
        on = "" if len(each.counts) == 1 else f" on {each.counts[newest]} of {total}"
        label = f"{newest}{on}"
        bars.append(Bar(each.start, each.end, said, hues[newest], visit.url("versions"), label))
    return Lane(f"{during.service} version", tuple(bars))


def _alerts(visit: Visit, story: Story) -> Iterator[Lane]:
    holes = story.alerts.holes if story.alerts else ()
    for group in story.fired[:MOST_ALERTS]:
        address = visit.url("alerts-one", fingerprint=group.fingerprint)
        firing = tone(group.severity or "error")
        yield Lane(
            group.name,
            (
                *(
                    Bar(*each, f"{group.name} pending", "pending", address)
                    for each in group.pending
                ),
                *(Bar(*each, f"{group.name} firing", firing, address) for each in group.firing),
            ),
            holes=holes,
            url=address,
        )


def _sampling(visit: Visit, during: ServiceDuring) -> Lane:
    address = address_of(visit, Target(TargetKind.SAMPLING, during.service))
    known = [each for each in during.sampled if each.policy]

    def bar(each: SampledFor) -> Bar:
        policy, hue = str(each.policy), "s5" if each.policy == known[0].policy else "ok"
        return Bar(each.start, each.end, f"sampled at {policy}", hue, address, policy)

    return Lane(f"{during.service} sampling", tuple(map(bar, known)))
