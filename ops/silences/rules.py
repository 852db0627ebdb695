"""What a silence must be like, and when it needs a second yes.

Alertmanager accepts nearly everything: `team!="pets"` alone silences all alerts without that label,
and a comment of 5 MB stops its instances from synchronising.
"""

from collections.abc import Sequence
from itertools import islice

from ops.errors import InvalidInput, NotSetUp
from ops.sites import Site, sites
from ops.vocabulary import timerange
from ops.vocabulary.alerts import Alert
from ops.vocabulary.endings import last_fifth
from ops.vocabulary.matchers import Matcher
from ops.vocabulary.notifications import ALERTNAME

READ = "alerts.view_alerts"
CHANGE = "alerts.silence"
MOST_MATCHERS = 20
LONGEST_COMMENT = 1_000  # characters
SHORTEST = 10 * timerange.SECOND
LONGEST = 90 * timerange.DAY
WITHOUT_REASON = timerange.DAY
WARNED_BEFORE = 15 * timerange.MINUTE  # at most
_NEGATIVE = ("!=", "!~")


def site_with_silences(name: str) -> Site:
    """Return the site; raises NotFound, or NotSetUp if it has no Alertmanager."""
    site = sites().site(name)
    if not site.alertmanager:
        raise NotSetUp(
            f'site "{site.name}" has no Alertmanager, so it has no silences; add '
            f"[[sites.{site.name}.alertmanager]] to the site file"
        )
    return site


def check(matchers: Sequence[Matcher], comment: str, ends_at: int, now: int) -> None:
    """Raise InvalidInput for a silence that is not to be made; times are Unix nanoseconds."""
    if not matchers:
        raise InvalidInput('a silence needs a matcher, such as alertname="QueueDeep"')
    if len(matchers) > MOST_MATCHERS:
        raise InvalidInput(f"{len(matchers)} matchers; a silence can have {MOST_MATCHERS}")
    if all(each.operator in _NEGATIVE for each in matchers):
        raise InvalidInput(
            f"{_listed(matchers)} would silence every alert without that label; add a matcher "
            'with = or =~, such as alertname="QueueDeep"'
        )
    if all(each.accepts("") for each in matchers):
        raise InvalidInput(f"{_listed(matchers)} also matches alerts without these labels")
    if len(comment) > LONGEST_COMMENT:
        raise InvalidInput(
            f"the reason has {len(comment):,} characters; the limit is {LONGEST_COMMENT:,}"
        )
    lasts = ends_at - now
    if lasts < SHORTEST:
        raise InvalidInput("a silence must end in the future: write for=1h or until=18:00")
    if lasts > LONGEST:
        raise InvalidInput(
            f"a silence may last {timerange.format_duration(LONGEST)}; for longer, change the rule "
            "or the route"
        )
    if lasts > WITHOUT_REASON and not comment:
        raise InvalidInput('a silence of more than 24 h needs a reason: because="…"')


def questions(matchers: Sequence[Matcher], hidden: int, many: int) -> tuple[str, ...]:
    """Return what must be confirmed before such a silence is made, in sentences."""
    found = []
    if hidden > many:
        found.append(f"It hides {hidden:,} alerts")
    if not any(each.name == ALERTNAME and each.operator in ("=", "=~") for each in matchers):
        found.append("It names no alert, so it also hides alerts that have never fired before")
    return tuple(found)


def matchers_of(alert: Alert) -> tuple[Matcher, ...]:
    """Return the matchers of a silence for this alert alone, as far as so many can say it."""
    labels = {ALERTNAME: alert.name, **alert.labels}
    matchers = (Matcher(name, "=", value) for name, value in labels.items())
    return tuple(islice(matchers, MOST_MATCHERS))


def warn_at(since: int, until: int) -> int:
    """Return when to warn of the end of a silence (all in Unix nanoseconds)."""
    return last_fifth(since, until, WARNED_BEFORE)


def _listed(matchers: Sequence[Matcher]) -> str:
    return ", ".join(map(str, matchers))
