"""Which alerts are meant: matchers as Alertmanager has them, states, and since when."""

from dataclasses import dataclass

from ops.alerts.alert import Alert


@dataclass(frozen=True, slots=True)
class Matcher:
    """`name operator value`; operator is "=", "!=", "=~" or "!~" (anchored RE2).

    A label that is missing counts as "". A bare key is `name != ""`.
    """

    name: str
    operator: str
    value: str

    def matches(self, alert: Alert) -> bool:
        raise NotImplementedError

    def __str__(self) -> str:
        raise NotImplementedError


@dataclass(frozen=True, slots=True)
class AlertFilter:
    """What to show: all matchers must hold; no states means all; `since` is Unix ns, 0 = any."""

    matchers: tuple[Matcher, ...] = ()
    states: tuple[str, ...] = ()
    since: int = 0
    site: str = ""


def parse_filter(line: str) -> AlertFilter:
    """Read `state=firing severity=~"page|critical" team!=store since=now-1h site=…`.

    Raises InvalidInput with the accepted form.
    """
    raise NotImplementedError
