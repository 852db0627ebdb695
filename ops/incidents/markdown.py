"""An incident as Markdown, for the people who were not there; pure.

What a manager asks is first, then the traces, then each thing that happened.
"""

from collections.abc import Callable, Iterator, Sequence
from zoneinfo import ZoneInfo

from ops.incidents.causes import Causes
from ops.incidents.gathering import Story
from ops.incidents.lines import Line, Part, Target, TargetKind
from ops.incidents.markdown_text import LONGEST, Zone, escaped, linked
from ops.incidents.summary import summary
from ops.traces.windows import Share
from ops.vocabulary.figures import listed
from ops.vocabulary.timerange import format_duration

Address = Callable[[Target], str]  # "" if there is none
MOST_FAILURES = 10


def write_up(story: Story, causes: Sequence[Causes], zone: ZoneInfo, address: Address) -> str:
    """Return the whole story, from what a manager asks first to each thing that happened."""
    times = Zone(zone, story.incident.opened_at)
    parts = (
        _head(story, times),
        ("## Summary", *summary(story, causes, times)),
        _changed(causes, address),
        _failed(causes, address),
        ("## What happened", "\n".join(_line(each, times, address) for each in story.lines)),
        _pinned(story, address),
        _missing(story, causes),
    )
    return "\n\n".join(each for part in parts for each in part) + "\n"


def _head(story: Story, times: Zone) -> Iterator[str]:
    incident = story.incident
    about = f", about {listed(map(escaped, incident.services))}" if incident.services else ""
    closed = (
        f" {escaped(incident.closer)} closed it at {times.clock(incident.closed_at)}, after "
        f"{format_duration(incident.closed_at - incident.opened_at)}."
        if incident.closed_at
        else " It is open."
    )
    yield f"# {escaped(incident.title)}"
    yield (
        f"Incident {incident.number} on {escaped(incident.site)}{about}. "
        f"{escaped(incident.opener)} opened it on {times.date(incident.opened_at)} at "
        f"{times.clock(incident.opened_at)}.{closed} All times are {times.zone.key}."
    )


def _changed(causes: Sequence[Causes], address: Address) -> Iterator[str]:
    found = [each for each in causes if each.comparison]
    if not found:
        return
    yield "## What changed in the traces"
    for each in found:
        comparison = each.comparison
        assert comparison is not None  # noqa: S101 - selected above
        lines = [
            f"- **{escaped(one.lead)}** {escaped(one.rest)} "
            f"({linked('example', address(Target(TargetKind.TRACE, one.example)))})"
            for one in comparison.statements
        ]
        looked = (
            f"{escaped(each.service)}: {comparison.now.every.traces:,} traces looked at, "
            f"{comparison.now.every.failed:,} of them failed; in {comparison.then} "
            f"{_of(comparison.before.every)}."
        )
        nothing = " Nothing else differs more than by chance." if not lines else ""
        yield f"{looked}{nothing}"
        if lines:
            yield "\n".join(lines)


def _of(every: Share) -> str:
    return f"{every.failed:,} of {every.traces:,} failed" if every.traces else "there were none"


def _failed(causes: Sequence[Causes], address: Address) -> Iterator[str]:
    failures = [one for each in causes if each.comparison for one in each.comparison.failures]
    if failures:
        yield "## What failed"
        rows = [
            f"| {escaped(each.sentence)} | {escaped(each.version)} | {each.traces:,} | "
            f"{linked(format_duration(each.duration), address(_trace(each.example)))} |"
            for each in failures[:MOST_FAILURES]
        ]
        head = "| Error, deepest first | Version | Traces | Example |\n|---|---|--:|---|"
        yield "\n".join((head, *rows))


def _line(line: Line, times: Zone, address: Address) -> str:
    said = "".join(_part(each, address) for each in line.parts)
    return f"- **{times.clock(line.at)}** {said}"


def _part(part: Part, address: Address) -> str:
    if part.quoted:
        return f"“{escaped(part.text, 2 * len(part.text) + LONGEST)}”"
    if part.target:
        return linked(part.text, address(part.target))
    # The blanks around it are the sentence's.
    before = " " if part.text[:1].isspace() else ""
    after = " " if part.text[-1:].isspace() else ""
    text = escaped(part.text)
    return f"{before}{f'**{text}**' if part.strong else text}{after}"


def _pinned(story: Story, address: Address) -> Iterator[str]:
    if pins := story.incident.pins:
        yield "## Pinned traces"
        yield "\n".join(
            f"- {linked(each.text, address(_trace(each.text)))}, by {escaped(each.author)}"
            for each in pins
        )


def _missing(story: Story, causes: Sequence[Causes]) -> Iterator[str]:
    said = [*(f"{each} may not be seen by the writer" for each in story.hidden), *story.problems]
    said += [each.problem for each in causes if each.problem]
    if story.alerts and story.alerts.holes:
        said.append("part of this time was not watched, so alerts may be missing")
    if said:
        yield "## What is missing"
        yield "\n".join(f"- {escaped(each)}" for each in said)


def _trace(trace_id: str) -> Target:
    return Target(TargetKind.TRACE, trace_id)
