"""The time line's lanes, and what each entry says in a sentence."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from urllib.parse import urlencode

from django.urls import reverse

from ops.alerts.by_name import PastAlerts
from ops.alerts.changes import Kind
from ops.overview.actions import Happened, Timeline
from ops.sampling.actions import SamplingChange
from ops.versions.actions import History
from ops.vocabulary.acknowledgements import Acknowledgement
from ops.vocabulary.alerts import FIRING
from ops.vocabulary.notifications import Silence
from ops.vocabulary.timerange import from_datetime
from opsportal.dashboard import words
from opsportal.dashboard.alert_words import tone
from opsportal.dashboard.charts import COLOURS
from opsportal.dashboard.clock import Clock
from opsportal.dashboard.lanes import Bar, Lane, Mark, Picture, picture
from opsportal.dashboard.timeline_words import (
    matchers_of,
    said,
    said_of_holding,
    said_of_incident,
    said_of_sampling,
    said_of_silence,
    said_of_token,
)

Url = Callable[..., str]
_WRONG = ("denied", "failed", "unknown")


@dataclass(frozen=True, slots=True)
class Group:
    """Lanes of one kind, "" for several; so many `more` of them are left out."""

    heading: str
    kind: str
    picture: Picture
    more: int


def groups(found: Timeline, clock: Clock, url: Url, *, at: int, most: int) -> list[Group]:
    """Return the lanes by kind, at most `most` of each; `url` gives the addresses of pages."""
    drawing = _Drawing(found, clock, url)
    several = (
        ("Incidents", "incidents", drawing.incidents(), 0),
        ("Rollouts", "rollouts", drawing.rollouts(), 0),
        ("Alerts", "alerts", drawing.alerts(), found.alerts.more),
        ("Sources that did not answer", "alerts", drawing.sources(), 0),
        ("Silences", "silences", drawing.silences(), 0),
        ("Acknowledgements", "acknowledgements", drawing.acknowledgements(), 0),
        ("Sampling", "sampling", drawing.sampling(), 0),
        ("Tokens", "", drawing.tokens(), 0),
        ("People", "", drawing.people(), 0),
    )
    start, end = found.changes.start, found.changes.end
    made = []
    for heading, kind, lanes, more in several:
        drawn = picture([*lanes], start, end, clock, at=at, most=most)
        if drawn.lanes:
            made.append(Group(heading, kind, drawn, drawn.more + more))
    return made


@dataclass(frozen=True, slots=True)
class _Drawing:
    found: Timeline
    clock: Clock
    url: Url

    @property
    def _start(self) -> int:
        return self.found.changes.start

    @property
    def _end(self) -> int:
        return self.found.changes.end

    def _times(self, start: int, end: int) -> str:
        """Return `14:02:10 to 14:10:00 UTC`, or since when it lasts."""
        if end >= self.clock.now:
            return f"since {self.clock.utc(start)} UTC"
        return f"{self.clock.utc(start)} to {self.clock.utc(end)} UTC"

    def incidents(self) -> Iterator[Lane]:
        """Yield when each incident was open."""
        for each in self.found.incidents:
            end = each.closed_at or max(self._end, self.clock.now)
            text = f"{said_of_incident(each)}, open {self._times(each.opened_at, end)}"
            address = self._of_incident(each.number)
            bar = Bar(each.opened_at, end, text, "accent", address, each.title)
            yield Lane(f"{each.number} {each.title}", bars=(bar,), url=address)

    def _of_incident(self, number: int) -> str:
        return self.url("incidents-one", number=str(number))

    def rollouts(self) -> Iterator[Lane]:
        """Yield what ran, of the services that started to run another version."""
        changed = [each.version.service for each in self.found.changes.found if each.version]
        own = self.found.changes.service
        for service in dict.fromkeys((*([own] if own else ()), *changed)):
            if history := self.found.versions.get(service):
                yield Lane(
                    service,
                    bars=tuple(self._ran(service, history)),
                    holes=self.found.changes.memory.holes,
                    url=f"{self.url('versions')}?{urlencode({'find': service})}",
                )

    def _ran(self, service: str, history: History) -> Iterator[Bar]:
        steady = history.steady()
        hues = _hues(steady)
        for each in steady.stretches():
            if not each.counts or each.end < self._start or each.start > self._end:
                continue
            newest = max(each.counts, key=lambda version: hues[version][0])
            several = len(each.counts) > 1
            ran = ", ".join(f"{words.name(name, 40)} on {n}" for name, n in each.counts.items())
            yield Bar(
                each.start,
                # What runs at the end of the history goes on.
                self._end if each.end >= history.end else each.end,
                f"{words.name(service)} ran {ran}, {self._times(each.start, each.end)}",
                hues[newest][1],
                self.url("versions"),
                ran if several else words.name(newest, 40),
            )

    def alerts(self) -> Iterator[Lane]:
        for each in self.found.alerts.names:
            address = self._of_alert(each.name, each.fingerprint)
            yield Lane(
                each.name,
                bars=tuple(self._active(each, address)),
                holes=tuple((hole.start, hole.end) for hole in each.strip.holes),
                url=address,
            )

    def _active(self, each: PastAlerts, address: str) -> Iterator[Bar]:
        for part in each.strip.stretches:
            text = f"{words.name(each.name)} {part.state}, {self._times(part.start, part.end)}"
            hue = tone(each.severity) if part.state == FIRING else "pending"
            yield Bar(part.start, part.end, text, hue, address)

    def _of_alert(self, name: str, fingerprint: str) -> str:
        if fingerprint:
            return self.url("alerts-one", fingerprint=fingerprint)
        return f"{self.url('alerts')}?{urlencode({'q': name})}"

    def sources(self) -> Iterator[Lane]:
        """Yield when sources of alerts were silent."""
        since: dict[str, tuple[int, str]] = {}
        silent: dict[str, list[Bar]] = {}
        for each in reversed(self.found.changes.found):
            change = each.alert
            if change and change.kind is Kind.SILENT:
                since[change.name] = (each.at, change.detail)
            elif change and change.kind is Kind.BACK:
                start, reason = since.pop(change.name, (self._start, ""))
                bar = self._silent(change.name, start, each.at, reason)
                silent.setdefault(change.name, []).append(bar)
        for name, (start, reason) in since.items():
            silent.setdefault(name, []).append(self._silent(name, start, self._end, reason))
        for name, bars in silent.items():
            yield Lane(name, bars=tuple(bars))

    def _silent(self, name: str, start: int, end: int, reason: str) -> Bar:
        why = f": {words.name(reason, 160)}" if reason else ""
        text = f"{words.name(name)} did not answer {self._times(start, end)}{why}"
        return Bar(start, end, text, "warn")

    def silences(self) -> Iterator[Lane]:
        by_matchers: dict[str, list[Silence]] = {}
        for each in self.found.silences:
            by_matchers.setdefault(matchers_of(each), []).append(each)
        for matchers, several in by_matchers.items():
            bars = (
                Bar(
                    each.starts_at,
                    each.ends_at,
                    f"{said_of_silence(each)}, {self.clock.utc(each.starts_at)} to "
                    f"{self.clock.utc(each.ends_at)} UTC",
                    "calm",
                    self._of_silence(each),
                    each.created_by,
                )
                for each in several
            )
            yield Lane(matchers, bars=tuple(bars))

    def _of_silence(self, silence: Silence) -> str:
        return f"{self.url('alerts-silences')}#silence-{silence.id}"

    def acknowledgements(self) -> Iterator[Lane]:
        """Yield who had which alert."""
        by_alert: dict[tuple[str, str], list[Acknowledgement]] = {}
        for each in self.found.acknowledgements:
            by_alert.setdefault((each.what, each.fingerprint), []).append(each)
        for (what, fingerprint), several in by_alert.items():
            address = self._of_alert(several[0].name, fingerprint)
            yield Lane(what, bars=tuple(self._had(each, address) for each in several), url=address)

    def _had(self, each: Acknowledgement, address: str) -> Bar:
        end = each.ended or max(self._end, self.clock.now)
        text = f"{said_of_holding(each)}, {self._times(each.since, end)}"
        return Bar(each.since, end, text, "ok", address, each.person)

    def sampling(self) -> Iterator[Lane]:
        by_service: dict[str, list[SamplingChange]] = {}
        for each in self.found.sampling:
            by_service.setdefault(each.service, []).append(each)
        for service, changes in by_service.items():
            address = f"{self.url('sampling')}?{urlencode({'service': service})}"
            bars = [*self._sampled(changes, address)]
            if any(each.start <= self._end and each.end >= self._start for each in bars):
                yield Lane(service, bars=tuple(bars), url=address)

    def _sampled(self, changes: Sequence[SamplingChange], address: str) -> Iterator[Bar]:
        """Yield what was in force: until a timed change ends, or the next one, and what follows."""
        following = self._end
        for each in changes:  # the newest first
            start = from_datetime(each.at)
            until = from_datetime(each.until) if each.until else following
            end = min(until, following)
            text = f"{said_of_sampling(each)}, {self._times(start, end)}"
            timed = "s3" if each.until else "s5"
            yield Bar(start, end, text, timed, address, f"◎ {each.policy}")
            if until < following and each.then:
                then = f"sampling of {words.name(each.service)} returned to {each.then}"
                text = f"{then}, {self._times(until, following)}"
                yield Bar(until, following, text, "s5", address, str(each.then))
            following = start

    def tokens(self) -> Iterator[Lane]:
        """Yield when each token was used."""
        by_token: dict[str, list[Bar]] = {}
        for each in self.found.sign_ins:
            times = self._times(each.start, each.end)
            bar = Bar(each.start, each.end, f"{said_of_token(each)} was used over gRPC, {times}")
            by_token.setdefault(f"{each.token} of {each.person}", []).append(bar)
        for name, bars in by_token.items():
            yield Lane(name, bars=tuple(bars))

    def people(self) -> Iterator[Lane]:
        """Yield what each person did."""
        by_person: dict[str, list[Mark]] = {}
        for each in self.found.changes.found:
            if each.person:
                by_person.setdefault(each.person, []).append(self._mark(each))
        for person, marks in by_person.items():
            yield Lane(person, marks=tuple(marks))

    def _mark(self, each: Happened) -> Mark:
        mark = Mark(each.at, f"{said(each)}, {self.clock.utc(each.at)} UTC", "accent")
        if each.sampling:
            asked = {"service": each.sampling.service, "change": each.sampling.request_id}
            return replace(mark, sign="◎", url=f"{self.url('sampling')}?{urlencode(asked)}")
        if each.silence:
            return replace(mark, sign="◌", url=self._of_silence(each.silence))
        if each.incident:
            return replace(mark, sign="■", url=self._of_incident(each.incident.number))
        if each.sign_in:
            return replace(mark, sign="○", tone="calm")
        if each.row:
            address = f"{reverse('audit')}?{urlencode({'request': each.row.request_id})}"
            wrong = each.row.outcome in _WRONG
            return replace(
                mark, sign="▲" if wrong else "●", tone="warn" if wrong else "calm", url=address
            )
        return mark


def _hues(history: History) -> Mapping[str, tuple[int, str]]:
    """Return each version's age, the oldest first, and its hue."""
    first: dict[str, int] = {}
    for each in history.periods:
        first[each.version] = min(first.get(each.version, each.start), each.start)
    by_age = sorted(first, key=lambda version: (first[version], version))
    # The colours of the last versions are unlike, however many there were before.
    return {version: (age, f"s{(4 + age) % COLOURS + 1}") for age, version in enumerate(by_age)}


def people_of(found: Iterable[Happened]) -> list[str]:
    """Return who did something, by name."""
    return sorted({each.person for each in found if each.person})
