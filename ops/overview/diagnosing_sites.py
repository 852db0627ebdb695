"""Which services of a site have something wrong, judged from the lines of its overview. Pure."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ops.alerts.actions import AlertList
from ops.overview import findings
from ops.overview.diagnosing import MOST_SAID
from ops.overview.figures import Figures
from ops.overview.findings import Finding
from ops.overview.lately import BEFORE, LATELY
from ops.overview.lines import ServiceLine
from ops.sites import Site
from ops.vocabulary import timerange
from ops.vocabulary.alerts import Alert
from ops.vocabulary.figures import count
from ops.vocabulary.summaries import TraceSummary


@dataclass(frozen=True, slots=True)
class ServiceTrouble:
    """A service with something wrong, the most serious first."""

    service: str
    findings: tuple[Finding, ...]


@dataclass(frozen=True, slots=True)
class SiteDiagnosis:
    """The services of a site with something wrong, the worst first, of all `services`.

    All but `left` of them were looked at. `others` are firing alerts of none of these. `failing`
    are the newest traces that failed in the last hour, `rollouts` what is new about versions though
    nothing is wrong. `alerts_known` says whether anything is known of alerts. `doubts` is as in
    Diagnosis.
    """

    site: str
    services: int
    left: int
    troubles: tuple[ServiceTrouble, ...]
    others: tuple[Alert, ...]
    failing: tuple[TraceSummary, ...]
    rollouts: tuple[str, ...]
    alerts_known: bool
    doubts: tuple[str, ...]

    @property
    def headline(self) -> str:
        """The verdict, as for a service.

        `2 of 3 services of demo have problems. petstore: 1 critical alert firing (Slow); store: …`.
        """
        wrong = [*self._wrong()]
        rest = "not sure of the rest" if self.doubts else ""
        if wrong:
            return "; ".join(filter(None, (*wrong, *self.rollouts[:1], rest)))
        well = ", ".join((*self._well(), *self.rollouts[:1]))
        if self.doubts:
            otherwise = f"; otherwise {well}" if well else ""
            return f"Not sure about {self.site}: {self.doubts[0]}{otherwise}"
        return f"{self.site}: {well or 'nothing is known of it'}"

    def _wrong(self) -> Iterator[str]:
        if number := len(self.troubles):
            some = self.troubles[:MOST_SAID]
            said = [f"{each.service}: {each.findings[0].words}" for each in some]
            said += [f"{number - MOST_SAID} more"] if number > MOST_SAID else []
            have = "has" if number == 1 else "have"
            of = f"{number} of {count(self.services, 'service')} of {self.site}"
            yield f"{of} {have} problems. {'; '.join(said)}"
        for finding in findings.of_alerts(self.others):
            of_whom = "of other services" if self.left else f"of no service of {self.site}"
            yield f"{finding.words}, {of_whom}"

    def _well(self) -> Iterator[str]:
        if self.alerts_known:
            yield "no alert is firing"
        if self.failing:
            yield f"at least {count(len(self.failing), 'trace')} failed in the last hour"


def diagnose_lines(
    site: Site,
    lines: Sequence[ServiceLine],
    alerts: AlertList | None,
    failing: Sequence[TraceSummary],
    problems: Sequence[str],
    services: int,
) -> SiteDiagnosis:
    """Judge the lines of an overview; `problems` is why something may be missing in it."""
    now = timerange.now_ns()
    places = {id(each): place for place, each in enumerate(alerts.alerts if alerts else ())}
    found: list[tuple[tuple[int, int], ServiceTrouble]] = []
    own: set[int] = set()
    rollouts = []
    for line in lines:
        figures = Figures(line.requests, line.failing, line.p95, line.p95_history)
        wrong = findings.found(line.alerts, line.versions, None, figures)
        own |= {id(each) for each in line.alerts or ()}
        if wrong:
            first = places[id(line.alerts[0])] if line.alerts else len(places)
            found.append(((wrong[0].weight, first), ServiceTrouble(line.service, wrong)))
        elif line.versions and (
            new := findings.rollout_lately(line.versions, now, LATELY + BEFORE)
        ):
            rollouts.append(f"{line.service} {new}")
    found.sort(key=lambda each: each[0])
    left = services - len(lines)
    return SiteDiagnosis(
        site=site.name,
        services=services,
        troubles=tuple(each for _, each in found),
        left=left,
        others=tuple(each for each in (alerts.firing if alerts else ()) if id(each) not in own),
        failing=tuple(failing),
        rollouts=tuple(rollouts),
        alerts_known=alerts is not None,
        doubts=tuple(
            dict.fromkeys(
                (
                    *problems,
                    *(problem for line in lines for problem in line.problems),
                    *((f"not checked: {count(left, 'more service')}",) if left else ()),
                )
            )
        ),
    )
