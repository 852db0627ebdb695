"""What is wrong with a service, put together from everything that is known of it."""

import asyncio
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from ops.alerts.actions import AlertList
from ops.errors import NotPermitted, NotSetUp, OpsError
from ops.overview import findings
from ops.overview.changing import Changes
from ops.overview.figures import Figures, known
from ops.overview.findings import Finding
from ops.overview.happened import Happened
from ops.overview.lately import BEFORE, LATELY, Lately
from ops.overview.parts import Parts
from ops.sampling.actions import ServiceSampling
from ops.sites import Service
from ops.versions.actions import ServiceVersions
from ops.vocabulary import timerange
from ops.vocabulary.acknowledgements import NOBODY, Holding
from ops.vocabulary.alerts import Alert
from ops.vocabulary.figures import count, share
from ops.vocabulary.policies import Policy, Strategy

MOST_SAID = 3  # findings in a sentence


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """What is known of a service. What is unknown, and what the user may not see, is None.

    `findings` is what is wrong, the most serious first; `doubts` has a sentence for each reason why
    something else may be wrong. `unset` says what the site file does not set up. `changes` are
    those of the time that was looked at, newest first. `sampled` means that its sampling can be
    set. `rollout` is what is new about its versions, though nothing is wrong, "" for nothing.
    `held` says who has which alert.
    """

    site: str
    service: str
    alerts: tuple[Alert, ...] | None
    versions: ServiceVersions | None
    traces: Lately | None
    figures: Figures
    sampling: ServiceSampling | None
    changes: tuple[Happened, ...]
    findings: tuple[Finding, ...]
    doubts: tuple[str, ...]
    unset: tuple[str, ...]
    rollout: str = ""
    held: Holding = field(default=NOBODY, compare=False)

    @property
    def policy(self) -> Policy | None:
        """The sampling in force, None if unknown."""
        return self.sampling.policy if self.sampling else None

    @property
    def headline(self) -> str:
        """The verdict: what is wrong, or what is well; never that all is well if that is not sure.

        `petstore: 1 critical alert firing (Slow), 12% of 300 traces failed (0.3% the hour before);
        rolling out 1.3.0: 1 of 3`.
        """
        if self.findings:
            more = len(self.findings) - MOST_SAID
            said = [each.words for each in self.findings[:MOST_SAID]]
            said += [f"{more} more"] if more > 0 else []
            rest = "not sure of the rest" if self.doubts else ""
            return (
                f"{self.service}: {'; '.join(filter(None, (', '.join(said), self.rollout, rest)))}"
            )
        well = ", ".join(self._well())
        if not self.doubts:
            return f"{self.service}: {well or 'nothing is known of it'}"
        rest = f"; otherwise {well}" if well else ""
        return f"Not sure about {self.service}: {self.doubts[0]}{rest}"

    def _well(self) -> Iterator[str]:
        if self.alerts is not None:
            yield "no alert is firing"
        if self.traces and self.traces.now.traces:
            now, before = self.traces.now, findings.before(self.traces.before)
            of = count(now.traces, "trace")
            yield f"{findings.failed(now)} ({before})" if now.failed else f"none of {of} failed"
        elif self.traces:
            yield f"no traces in {timerange.format_duration(LATELY)}{self._why_none()}"
        if self.figures.failing:
            yield f"{share(self.figures.failing)} of the requests fail"
        if self.rollout:
            yield self.rollout
        elif self.versions and not self.versions.problem:
            yield self.versions.summary

    def _why_none(self) -> str:
        """Say what sampling has to do with it that there are no traces."""
        policy = self.policy
        if policy is None:
            return ""
        off = policy.strategy is Strategy.NEVER
        return " because sampling is off" if off else f" though sampling is {policy}"


async def diagnose_service(parts: Parts, service: Service) -> Diagnosis:
    """Read everything concurrently, limited to what the user may see."""
    alerts, versions, traces, numbers, sampled, changed = await asyncio.gather(
        parts.alerts(),
        parts.versions(),
        parts.lately(service),
        parts.figures([service]),
        parts.sampling([service]),
        parts.changed(service, LATELY + BEFORE),
    )
    listed = known(alerts)
    own = None
    if listed and service.alerts:
        labels = service.alerts.items()
        own = tuple(each for each in listed.alerts if labels <= each.labels.items())
    ran = next((each for each in known(versions) or () if each.service == service.name), None)
    figures = (numbers or {}).get(service.name, Figures())
    lately = known(traces)
    sampling = (known(sampled) or {}).get(service.name)
    rollout = findings.rollout_lately(ran, timerange.now_ns(), LATELY + BEFORE) if ran else ""
    answers: Mapping[str, object] = {
        "alerts": alerts,
        "versions": versions,
        "traces": traces,
        "sampling": sampling if isinstance(sampling, OpsError) else sampled,
        "changes": changed,
    }
    return Diagnosis(
        site=parts.site.name,
        service=service.name,
        alerts=own,
        versions=ran,
        traces=lately,
        figures=figures,
        sampling=known(sampling),
        changes=_found(known(changed)),
        findings=findings.found(own, ran, lately, figures),
        doubts=tuple(dict.fromkeys(_doubts(answers, parts, listed, ran, lately, figures))),
        unset=tuple(_unset(service, answers, ran)),
        rollout=rollout,
        held=listed.held if listed else NOBODY,
    )


def _found(changed: Changes | None) -> tuple[Happened, ...]:
    return changed.found if changed else ()


def _doubts(
    answers: Mapping[str, object],
    parts: Parts,
    listed: AlertList | None,
    versions: ServiceVersions | None,
    lately: Lately | None,
    figures: Figures,
) -> Iterator[str]:
    """Yield a sentence for everything that did not answer, was late or may not be seen."""
    for part, answer in answers.items():
        if isinstance(answer, NotPermitted):
            yield f"you are not allowed to see {part}"
        elif isinstance(answer, OpsError) and not isinstance(answer, NotSetUp):
            yield str(answer)
    for part in parts.coming:
        old = part in parts.older
        yield f"{part} are from up to a minute ago" if old else f"{part} did not arrive in time"
    if listed:
        yield from (doubt.sentence for doubt in listed.doubts)
    if versions and versions.problem and not versions.unset:
        yield versions.problem
    yield from lately.problems if lately else ()
    yield from figures.problems


def _unset(
    service: Service, answers: Mapping[str, object], versions: ServiceVersions | None
) -> Iterator[str]:
    if not service.alerts:
        yield f"{service.name} has no alert labels in the site file, so its alerts are unknown"
    if versions and versions.unset:
        yield versions.problem
    errors = [each for each in answers.values() if isinstance(each, NotSetUp)]
    yield from dict.fromkeys(map(str, errors))
