"""An incident as Markdown, for the people who were not there; pure.

Texts of alerts, traces and people are hostile: what Markdown gives a meaning is escaped, and each
is one line. All times are in one zone, which is named.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from ops.incidents.causes import Causes
from ops.incidents.gathering import Story
from ops.incidents.lines import Line, Part, Target, TargetKind
from ops.incidents.services import Step
from ops.traces.windows import Share
from ops.vocabulary import timerange
from ops.vocabulary.figures import listed
from ops.vocabulary.texts import shortened
from ops.vocabulary.timerange import format_duration

Address = Callable[[Target], str]  # "" if there is none
LONGEST = 400  # characters of a text, except notes
MOST_FAILURES = 10
_MEANT = re.compile(r"([\\`*_{}\[\]<>#|~&!$@])")
_LINKED = re.compile(r"(?i)(https?|ftp)(://)|(www)(\.)")


@dataclass(frozen=True, slots=True)
class Zone:
    """The zone of all times, and the day that goes without saying."""

    zone: ZoneInfo
    day: int  # Unix nanoseconds

    def clock(self, at: int) -> str:
        """Return `14:06`, with the date in front on another day."""
        moment, usual = self._local(at), self._local(self.day)
        return (
            f"{moment:%H:%M}"
            if moment.date() == usual.date()
            else f"{self.date(at)} {moment:%H:%M}"
        )

    def date(self, at: int) -> str:
        """Return `30 November 2026`."""
        moment = self._local(at)
        return f"{moment.day} {moment:%B %Y}"

    def _local(self, at: int) -> datetime:
        return timerange.to_datetime(at).astimezone(self.zone)


def write_up(story: Story, causes: Sequence[Causes], zone: ZoneInfo, address: Address) -> str:
    """Return the whole story, from what a manager asks first to each thing that happened."""
    times = Zone(zone, story.incident.opened_at)
    parts = (
        _head(story, times),
        ("## Summary", *_summary(story, causes, times)),
        _changed(causes, address),
        _failed(causes, address),
        ("## What happened", "\n".join(_line(each, times, address) for each in story.lines)),
        _pinned(story, address),
        _missing(story, causes),
    )
    return "\n\n".join(each for part in parts for each in part) + "\n"


def escaped(text: str, longest: int = LONGEST) -> str:
    """Return a text as one line of Markdown that says just that."""
    line = " ".join("".join(each if each.isprintable() else " " for each in text).split())
    return _LINKED.sub(r"\1\3\\\2\4", _MEANT.sub(r"\\\1", shortened(line, longest)))


def linked(text: str, url: str) -> str:
    """Return a link, or the text alone without an address."""
    return f"[{escaped(text)}](<{url}>)" if url else escaped(text)


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


def _summary(story: Story, causes: Sequence[Causes], times: Zone) -> Iterator[str]:
    sentences = [*_fired(story, times), *_rolled(story, times), *_cause(causes)]
    sentences += [*_sampled(story, times)]
    if len(story.people) > 1:
        sentences.append(f"{listed(map(escaped, story.people))} worked on it.")
    if not story.fired:
        sentences.insert(0, "No alert of its services fired in this time, as far as is known.")
    yield " ".join(sentences)


def _fired(story: Story, times: Zone) -> Iterator[str]:
    now = story.course
    if not now.began:
        return
    names = listed(
        f"{escaped(each.name)} ({format_duration(each.fired_for)})" for each in story.fired
    )
    gaps = (now.quiet_since or story.end) - now.began - now.failed >= timerange.MINUTE
    failed, began = format_duration(now.failed), times.clock(now.began)
    if now.quiet_since:
        until = times.clock(now.quiet_since)
        yield (
            f"Alerts fired on and off from {began} to {until}, for {failed} in all: {names}."
            if gaps
            else f"Alerts fired for {failed}, from {began} to {until}: {names}."
        )
    else:
        how = (
            f"on and off since {began}, for {failed} in all"
            if gaps
            else (f"for {failed}, since {began}")
        )
        yield f"Alerts have been firing {how}: {names}."


def _rolled(story: Story, times: Zone) -> Iterator[str]:
    began, ended = story.course.began, story.course.quiet_since
    for step in (step for each in story.services for step in each.steps):
        name, version, at = escaped(step.service), escaped(step.version), times.clock(step.at)
        if step.step is Step.STARTED:
            before = began - step.at
            led = (
                f", {format_duration(before)} before the first alert"
                if timerange.MINUTE <= before <= timerange.HOUR
                else ", right before the first alert"
                if 0 <= before < timerange.MINUTE
                else ""
            )
            yield f"{name} started to roll out {version} at {at}{led}."
        elif step.step is Step.WENT_BACK:
            after = ended - step.at
            later = "within a minute"
            if after >= timerange.MINUTE:
                later = f"{format_duration(after)} later"
            over = ended and 0 <= after <= timerange.HOUR
            left = f"; the last alert resolved {later}" if over else ""
            yield f"It went back to {version} at {at}{left}."


def _cause(causes: Sequence[Causes]) -> Iterator[str]:
    for each in causes:
        found = each.comparison
        if found and found.statements:
            first = found.statements[0]
            lead = first.lead if each.service in first.lead else f"{each.service} {first.lead}"
            yield f"In its traces, {escaped(f'{lead} {first.rest}')}."


def _sampled(story: Story, times: Zone) -> Iterator[str]:
    if changed := story.sampled_by_people:
        raised = (each for each in changed if each.parts[1].text.startswith(" raised"))
        if first := next(raised, None):
            yield f"More traces were kept from {times.clock(first.at)} on to see the cause."
        else:
            yield f"Sampling was changed at {times.clock(changed[0].at)}."


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
        said.append("for a part of this time nobody watched, so alerts may be missing")
    if said:
        yield "## What is missing"
        yield "\n".join(f"- {escaped(each)}" for each in said)


def _trace(trace_id: str) -> Target:
    return Target(TargetKind.TRACE, trace_id)
