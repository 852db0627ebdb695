"""Which alerts a subscription is about."""

from collections.abc import Sequence

from ops.alerts.fired import Fired
from ops.sites import Site
from ops.subscriptions.subscription import Subscription
from ops.vocabulary.alert_filters import AlertFilter, parse_filter
from ops.vocabulary.alerts import Alert

_MOST_KNOWN = 256
# By site and filter: of what was selected last, and what.
_known: dict[tuple[str, str], tuple[Sequence[Fired], Sequence[Fired]]] = {}


def selecting(site: Site, subscription: Subscription, fired: Sequence[Fired]) -> Sequence[Fired]:
    """Return what the subscription is about; watchdogs and what is quiet only if it names them.

    Every bot asks every second, with thousands of alerts that have not changed meanwhile.
    """
    key = (site.name, subscription.filter)
    before, selected = _known.get(key, (None, ()))
    if before is not fired:
        selected = _select(site, parse_filter(subscription.filter), fired)
        if len(_known) >= _MOST_KNOWN:
            _known.clear()
        _known[key] = fired, selected
    return selected


def _select(site: Site, filter: AlertFilter, fired: Sequence[Fired]) -> Sequence[Fired]:
    unlisted = site.unlisted
    return [
        each
        for each in fired
        if all(matcher.matches(each.alert) for matcher in filter.matchers)
        and (each.alert.name not in unlisted or _names(filter, each.alert))
    ]


def _names(filter: AlertFilter, alert: Alert) -> bool:
    return any(
        each.name == "alertname" and each.operator in ("=", "=~") and each.matches(alert)
        for each in filter.matchers
    )
