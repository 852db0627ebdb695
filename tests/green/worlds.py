"""Random sites with sources in every condition, and what is true of them.

A world knows by itself what is firing and whether that is known: nothing here uses our code.
"""

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any

from hypothesis import strategies as st

# What each word means: True fires, False is pending, None is no alert.
STATES: dict[str, bool | None] = {
    "firing": True,
    "pending": False,
    "inactive": None,
    "Alerting": True,
    "Alerting (NoData)": True,
    "NoData": True,
    "Error": True,
    "Recovering": True,
    "Pending": False,
    "Normal": None,
    "Normal (MissingSeries)": None,
    "sleepwalking": True,
}
WATCHDOG, QUIET = "Watchdog", "InfoInhibitor"
# Conditions of a rule in which its alerts can be trusted, and others.
WELL = ("well", "untold")
ILL = ("broken", "error alone", "never", "late")
# What a source's answer can have, and whether it is whole then.
WHOLE = ("whole", "infos")
PARTIAL = ("warnings", "more", "odd alert", "odd rule")
YEAR_ONE = "0001-01-01T00:00:00Z"


@dataclass(frozen=True)
class RuleOf:
    """A rule and the states of its alerts."""

    name: str
    recording: bool
    condition: str
    interval: int
    states: tuple[str, ...]


@dataclass(frozen=True)
class SourceOf:
    """A source. `ruled` is what the site file says; `offset` is its clock's, in seconds."""

    answers: bool
    whole: str
    ruled: bool
    offset: int
    rules: tuple[RuleOf, ...]

    @property
    def fires(self) -> set[str]:
        return {rule.name for rule in self.rules if any(STATES[each] for each in rule.states)}

    @property
    def is_known(self) -> bool:
        if not self.answers or self.whole not in WHOLE:
            return False
        if not self.ruled:
            return True
        watched = any(rule.name == WATCHDOG and not rule.recording for rule in self.rules)
        return (
            any(not rule.recording for rule in self.rules)
            and all(rule.condition in WELL for rule in self.rules)
            and (not watched or WATCHDOG in self.fires)
        )


@dataclass(frozen=True)
class World:
    """A site's sources; `named` means that the site file names the watchdog."""

    sources: tuple[SourceOf, ...]
    named: bool

    @property
    def firing(self) -> int:
        """How many alerts are firing, as far as the sources that answer say."""
        return sum(
            STATES[state] is True
            for source in self.sources
            if source.answers
            for rule in source.rules
            if rule.name not in (WATCHDOG, QUIET)
            for state in rule.states
        )

    @property
    def is_known(self) -> bool:
        answering = [source for source in self.sources if source.answers]
        if self.named and len(answering) == len(self.sources):
            ruled = [rule for source in answering if source.ruled for rule in source.rules]
            if not any(rule.name == WATCHDOG for rule in ruled):
                return False
        return all(source.is_known for source in self.sources)

    @property
    def is_green(self) -> bool:
        return self.is_known and not self.firing

    def site_file(self, urls: list[str]) -> str:
        """The site file for sources at these addresses."""
        lines = ["[sites.production]"]
        if self.named:
            lines.append(f'watchdogs = ["{WATCHDOG}"]')
        for number, (source, url) in enumerate(zip(self.sources, urls, strict=True)):
            lines += ["[[sites.production.prometheus]]", f'name = "s{number}"', f'url = "{url}"']
            lines += [] if source.ruled else ["rules = false"]
        return "\n".join(lines)


def body(source: SourceOf, path: str, now: float) -> dict[str, Any]:
    """What the source answers to /rules or /alerts, at Unix seconds by our clock."""
    at = now + source.offset
    alerts = [one for number, rule in enumerate(source.rules) for one in _alerts(rule, number)]
    data: dict[str, Any] = {"alerts": alerts}
    if path == "rules":
        data = {"groups": [_group(rule, number, at) for number, rule in enumerate(source.rules)]}
        if source.whole == "odd rule":
            data["groups"].append({"name": "odd", "interval": 15, "rules": ["what?"]})
        if source.whole == "more":
            data["groupNextToken"] = "page2"
    if source.whole == "odd alert" or (source.whole == "odd rule" and path == "alerts"):
        odd = {"labels": ["alertname"], "state": "firing"}
        if path == "alerts":
            data["alerts"].append(odd)
        else:
            group = _group(RuleOf("Odd", False, "well", 15, ()), 99, at)
            group["rules"][0]["alerts"] = [odd]
            data["groups"].append(group)
    found: dict[str, Any] = {"status": "success", "data": data}
    if source.whole == "warnings" or (source.whole == "more" and path == "alerts"):
        found["warnings"] = ["a store is away"]
    if source.whole == "infos":
        found["infos"] = ["a metric is not a counter"]
    return found


def date(source: SourceOf, now: float) -> str:
    """The Date header of the source's answer."""
    return format_datetime(datetime.fromtimestamp(int(now + source.offset), UTC), usegmt=True)


def written(source: SourceOf, path: str, now: float) -> bytes:
    return json.dumps(body(source, path, now)).encode()


def _group(rule: RuleOf, number: int, at: float) -> dict[str, Any]:
    evaluated = {
        "never": YEAR_ONE,
        "late": _iso(at - 3 * rule.interval - 2),
        "untold": None,
    }.get(rule.condition, _iso(at - rule.interval))
    found: dict[str, Any] = {
        "type": "recording" if rule.recording else "alerting",
        "name": rule.name,
        "query": "x > 1",
        "health": "err" if rule.condition == "broken" else "ok",
        "lastError": "many-to-many" if rule.condition in ("broken", "error alone") else "",
        "lastEvaluation": evaluated,
    }
    if not rule.recording:
        found["alerts"] = _alerts(rule, number)
    return {"name": f"g{number}", "interval": rule.interval, "rules": [found]}


def _alerts(rule: RuleOf, number: int) -> list[dict[str, Any]]:
    return [
        {
            "labels": {"alertname": rule.name, "pod": f"{number}-{index}"},
            "annotations": {},
            "state": state,
            "activeAt": "2026-11-23T21:27:44.5Z",
            "value": "1e+00",
        }
        for index, state in enumerate(rule.states)
        if not rule.recording
    ]


def _iso(at: float) -> str:
    return f"{datetime.fromtimestamp(at, UTC):%Y-%m-%dT%H:%M:%S.%fZ}"


def _rules() -> st.SearchStrategy[RuleOf]:
    def rule(
        name: str, recording: bool, condition: str, interval: int, states: list[str]
    ) -> RuleOf:
        return RuleOf(name, recording, condition, interval, () if recording else tuple(states))

    # Mostly well, so that green sites are not rare.
    condition = st.sampled_from((*WELL * 6, *ILL))
    silent = [state for state, fires in STATES.items() if not fires]
    states = st.lists(st.sampled_from([*silent * 4, *STATES]), max_size=2)
    name = st.sampled_from(["Down", "Slow", "job:up:sum", QUIET])
    plain = st.builds(rule, name, st.sampled_from([False] * 4 + [True]), condition,
                      st.sampled_from([1, 15, 60]), states)  # fmt: skip
    watchdog = st.builds(
        RuleOf, st.just(WATCHDOG), st.just(False), condition, st.just(15),
        st.sampled_from([("firing",)] * 5 + [(), ("pending",)]),
    )  # fmt: skip
    return st.one_of(plain, plain, watchdog)


WORLDS = st.builds(
    World,
    st.lists(
        st.builds(
            SourceOf,
            answers=st.sampled_from([True] * 9 + [False]),
            whole=st.sampled_from((*WHOLE * 6, *PARTIAL)),
            ruled=st.sampled_from([True] * 5 + [False]),
            offset=st.sampled_from([0, 0, 3_600, -3_600]),
            rules=st.lists(_rules(), max_size=3).map(tuple),
        ),
        min_size=1,
        max_size=3,
    ).map(tuple),
    named=st.booleans(),
)
