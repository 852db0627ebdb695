"""The headline says that nothing is firing if, and only if, that is known."""

import os
from email.utils import parsedate_to_datetime

from hypothesis import event, given, settings

from ops.alerts.arranging import merge
from ops.alerts.truth import doubts, headline
from ops.backends.prometheus import Rules
from ops.backends.prometheus.rules import read_rules
from ops.sites import PrometheusSource, Site
from ops.vocabulary.alerts import FIRING, Origin
from ops.vocabulary.timerange import SECOND
from tests.green.worlds import QUIET, WATCHDOG, WORLDS, SourceOf, World, body, date

RUNS = int(os.environ.get("GREEN_RUNS", "100"))
NOW = 1_795_521_600


def answer(source: SourceOf, name: str) -> Rules:
    """What the client makes of a source's answer."""
    path = "rules" if source.ruled and source.rules else "alerts"
    read = read_rules(Origin("production", name), body(source, path, NOW))
    at = int(parsedate_to_datetime(date(source, NOW)).timestamp()) * SECOND
    rules = read.rules if path == "rules" else (() if source.ruled else None)
    return Rules(read.alerts, rules, read.warnings, read.infos, read.unreadable, read.more, at, at)


def said(world: World) -> str:
    names = [f"s{number}" for number in range(len(world.sources))]
    site = Site(
        "production",
        None,
        tuple(
            PrometheusSource(name, f"http://{name}", rules=source.ruled)
            for name, source in zip(names, world.sources, strict=True)
        ),
        {},
        "",
        names_watchdogs=world.named,
        watchdogs=(WATCHDOG,),
    )
    both = list(zip(names, world.sources, strict=True))
    answers = {name: answer(source, name) for name, source in both if source.answers}
    silent = {name: 0 for name, source in both if not source.answers}
    alerts = merge(each for found in answers.values() for each in found.alerts)
    firing = sum(each.state == FIRING and each.name not in (WATCHDOG, QUIET) for each in alerts)
    return headline(firing, doubts(site, answers, silent, (), NOW * SECOND))


@settings(max_examples=RUNS)
@given(WORLDS)
def test_it_says_nothing_is_firing_only_if_it_knows(world: World) -> None:
    found = said(world)
    event(f"green {world.is_green}, known {world.is_known}")
    assert (found == "Nothing is firing") == world.is_green, found
    if world.firing:
        assert found.startswith(f"{world.firing} alert")
    assert ("that we know of" in found) == (not world.is_known), found
