"""Which alerts a subscription is about."""

from collections.abc import Iterable
from functools import lru_cache

from ops.alerts.fired import Fired
from ops.sites import Site
from ops.subscriptions.subscription import Subscription
from ops.vocabulary.alert_filters import AlertFilter, parse_filter
from ops.vocabulary.alerts import Alert


@lru_cache(maxsize=256)
def _parsed(line: str) -> AlertFilter:
    return parse_filter(line)


def selecting(site: Site, subscription: Subscription, fired: Iterable[Fired]) -> list[Fired]:
    """Return what the subscription is about; watchdogs and what is quiet only if it names them."""
    filter, unasked = _parsed(subscription.filter), {*site.watchdogs, *site.quiet}
    return [
        each
        for each in fired
        if all(matcher.matches(each.alert) for matcher in filter.matchers)
        and (each.alert.name not in unasked or _names(filter, each.alert))
    ]


def _names(filter: AlertFilter, alert: Alert) -> bool:
    return any(
        each.name == "alertname" and each.operator in ("=", "=~") and each.matches(alert)
        for each in filter.matchers
    )
