"""The summary of an incident's Markdown: what broke, why, what was done, how it ended; pure."""

from collections.abc import Iterable, Iterator, Sequence

from ops.incidents.causes import Causes
from ops.incidents.gathering import Story
from ops.incidents.lines import LineKind
from ops.incidents.markdown_text import Zone, escaped
from ops.incidents.services import RolloutStep, Step
from ops.vocabulary import timerange
from ops.vocabulary.figures import count, listed, share
from ops.vocabulary.timerange import format_duration

FEW = 5  # traces of a minute: a share of fewer says little


def summary(story: Story, causes: Sequence[Causes], times: Zone) -> Iterator[str]:
    """Yield a paragraph for each of these questions that has an answer."""
    broke = (*_fired(story, times), *_failed(causes, times))
    why = (*_rolled_out(story, times), *_unlike(causes), *_most_often(causes))
    done = (*_held(story, times), *_sampled(story, times), *_went_back(story, times))
    yield _paragraph("What broke", broke)
    if why:
        yield _paragraph("Why", why)
    if done or len(story.people) > 1:
        yield _paragraph("What was done", (*done, *_people(story)))
    yield _paragraph("Now" if story.incident.is_open else "How it ended", _ended(story, times))


def _paragraph(title: str, sentences: Iterable[str]) -> str:
    return f"**{title}:** {' '.join(sentences)}"


def _fired(story: Story, times: Zone) -> Iterator[str]:
    now = story.course
    if not now.began:
        yield "No alert of its services fired in this time, as far as is known."
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
        yield f"Alerts {'have been' if story.incident.is_open else 'were'} firing {how}: {names}."
    if said := story.fired[0].summary:
        yield f"The first one said “{escaped(said)}”."


def _failed(causes: Sequence[Causes], times: Zone) -> Iterator[str]:
    """Yield `Of 340 petstore traces looked at, 12% failed, at most 31% in the minute of 14:13`."""
    for each in causes:
        found = each.comparison
        if found is None or not found.now.every.failed:
            continue
        every = found.now.every
        telling = [each for each in found.now.minutes if each[1].traces >= FEW]
        at, most = max(telling, key=lambda minute: minute[1].share, default=(0, every))
        worst = (
            f", at most {share(most.share)} in the minute of {times.clock(at)}"
            if most.share > every.share
            else ""
        )
        yield (
            f"Of {count(every.traces, f'{escaped(each.service)} trace')} looked at, "
            f"{share(every.share)} failed{worst}."
        )


def _steps(story: Story, kind: Step) -> Iterator[RolloutStep]:
    return (step for each in story.services for step in each.steps if step.step is kind)


def _rolled_out(story: Story, times: Zone) -> Iterator[str]:
    began = story.course.began
    for step in _steps(story, Step.STARTED):
        before = began - step.at
        led = (
            f", {format_duration(before)} before the first alert"
            if timerange.MINUTE <= before <= timerange.HOUR
            else ", right before the first alert"
            if 0 <= before < timerange.MINUTE
            else ""
        )
        name, version = escaped(step.service), escaped(step.version)
        yield f"{name} started to roll out {version} at {times.clock(step.at)}{led}."


def _unlike(causes: Sequence[Causes]) -> Iterator[str]:
    for each in causes:
        found = each.comparison
        if found and found.statements:
            first = found.statements[0]
            lead = first.lead if each.service in first.lead else f"{each.service} {first.lead}"
            yield f"In its traces, {escaped(f'{lead} {first.rest}')}."


def _most_often(causes: Sequence[Causes]) -> Iterator[str]:
    failures = [one for each in causes if each.comparison for one in each.comparison.failures]
    if failures:
        most = max(failures, key=lambda each: each.traces)
        number = count(most.traces, "trace")
        yield f"The most frequent error: {escaped(most.sentence)}, in {number}."


def _held(story: Story, times: Zone) -> Iterator[str]:
    """Say who had one of its alerts first."""
    first = next((each for each in story.lines if each.kind is LineKind.HELD), None)
    if first:
        yield f"{escaped(first.parts[0].text)} took it at {times.clock(first.at)}."


def _sampled(story: Story, times: Zone) -> Iterator[str]:
    if changed := story.sampled_by_people:
        raised = (each for each in changed if each.parts[1].text.startswith(" raised"))
        first = next(raised, None)
        who, at = (first or changed[0]).parts[0].text, times.clock((first or changed[0]).at)
        if first:
            yield f"{escaped(who)} had more traces kept from {at} on, to see the cause."
        else:
            yield f"{escaped(who)} changed sampling at {at}."


def _went_back(story: Story, times: Zone) -> Iterator[str]:
    for step in _steps(story, Step.WENT_BACK):
        after = story.course.quiet_since - step.at
        later = (
            f"{format_duration(after)} later" if after >= timerange.MINUTE else "within a minute"
        )
        over = story.course.quiet_since and 0 <= after <= timerange.HOUR
        left = f"; the last alert resolved {later}" if over else ""
        name, version = escaped(step.service), escaped(step.version)
        yield f"{name} went back to {version} at {times.clock(step.at)}{left}."


def _people(story: Story) -> Iterator[str]:
    if len(story.people) > 1:
        yield f"{listed(map(escaped, story.people))} worked on it."


def _ended(story: Story, times: Zone) -> Iterator[str]:
    incident, now = story.incident, story.course
    if now.quiet_since:
        yield f"The last alert resolved at {times.clock(now.quiet_since)}."
    elif now.unknown:
        yield "It is not known whether an alert is firing."
    elif now.is_failing:
        still = "was still firing when it was closed" if incident.closed_at else "is still firing"
        yield f"An alert {still}."
    yield (
        f"{escaped(incident.closer)} closed the incident at {times.clock(incident.closed_at)}."
        if incident.closed_at
        else "The incident is open."
    )
