"""Which of the alerts that Alertmanager has now a silence hides."""

from collections.abc import Sequence

from ops.alerts.notifying import Routed
from ops.vocabulary.matchers import Matcher
from ops.vocabulary.notifications import ALERTNAME, Notification, Silence, all_accept


def hidden(found: Routed, matchers: Sequence[Matcher]) -> tuple[Notification, ...]:
    """Return the alerts that a silence with these matchers hides."""
    return tuple(each for each in found.known if all_accept(matchers, each.labels))


def count(found: Routed, silences: Sequence[Silence]) -> list[int]:
    """Return how many alerts each silence matches; see `hidden`.

    Most silences name their alert, so that they need not be compared with all others.
    """
    by_name: dict[str, list[Notification]] = {}
    for alert in found.known:
        by_name.setdefault(alert.name, []).append(alert)
    every = list(found.known)
    numbers = []
    for silence in silences:
        name = next((each.value for each in silence.matchers if names_alert(each)), None)
        among = every if name is None else by_name.get(name, [])
        numbers.append(sum(all_accept(silence.matchers, each.labels) for each in among))
    return numbers


def names_alert(matcher: Matcher) -> bool:
    """Return whether a matcher says which alert is meant."""
    return (matcher.name, matcher.operator) == (ALERTNAME, "=")
