"""Rules that make a new alert at each evaluation, because a label of theirs always changes.

Their history would be of no use and without end: such a rule is named, with the label, and its new
alerts are not remembered for a day. Then it is tried again.
"""

import logging
from collections import deque
from collections.abc import Container, Sequence

from ops.alerts.models import AlertPeriod, RulePeriod, stored_name
from ops.vocabulary import timerange
from ops.vocabulary.alerts import Alert, BrokenRule
from ops.watch.periods import Changes, Recorder, stored

MOST_NEW = 1_000  # alerts of one rule in an hour
MOST_COUNTED = 20 * MOST_NEW
MOST_SHARE = 10  # times as many as are active
LASTS = timerange.DAY
SAMPLED = 100  # alerts in which the label is looked for
LONGEST_KEY = 150
log = logging.getLogger(__name__)

RuleName = tuple[str, str]  # group and name


class Floods:
    """The rules of one site whose new alerts are not remembered."""

    def __init__(self, site: str) -> None:
        self._site = site
        self._new: dict[RuleName, deque[int]] = {}  # when the new alerts of the last hour came
        self._since: dict[RuleName, int] = {}  # the rules that flood
        self._periods: Recorder[RulePeriod, RuleName, str] = Recorder(
            RulePeriod,
            site,
            mine=lambda key: key.startswith(RulePeriod.FLOODING),
            row=self._row,
            facts=lambda _: RulePeriod.FLOODING,
            facts_of_row=lambda row: row.state,
        )

    def resume(self) -> None:
        """Read which rules flood, and how many new alerts the last hour had."""
        self._periods.resume()
        rules = RulePeriod.objects.filter(site=self._site, end=None, state=RulePeriod.FLOODING)
        self._since = {(row.group, row.name): row.start for row in rules}
        self._new = {}
        since = timerange.now_ns() - timerange.HOUR
        recent = AlertPeriod.objects.filter(site=self._site, start__gte=since).order_by("start")
        for group, name, start in recent.values_list("group", "name", "start"):
            self._count((group, name), start)

    def kept(self, alerts: Sequence[Alert], known: Container[str]) -> Sequence[Alert]:
        """Return the alerts to remember: those that are known, and new ones of other rules."""
        if not self._since:
            return alerts
        return [
            alert
            for alert in alerts
            if alert.fingerprint in known or _rule_of(alert) not in self._since
        ]

    def changes(
        self, now: int, alerts: Sequence[Alert], known: Container[str]
    ) -> Changes[RulePeriod]:
        """Count what is new, and return the rules that start or cease to flood."""
        for alert in alerts:
            if alert.fingerprint not in known:
                self._count(_rule_of(alert), now)
        self._since = {rule: at for rule, at in self._since.items() if now - at < LASTS}
        for rule, times in list(self._new.items()):
            while times and now - times[0] > timerange.HOUR:
                times.popleft()
            if not times:
                del self._new[rule]
            elif len(times) > MOST_NEW and rule not in self._since:
                active = sum((alert.group, alert.name) == rule for alert in alerts)
                if len(times) > MOST_SHARE * active:
                    self._since[rule] = now
        return self._periods.changes(now, {_key(rule): rule for rule in self._since})

    def _count(self, rule: RuleName, at: int) -> None:
        self._new.setdefault(rule, deque(maxlen=MOST_COUNTED)).append(at)

    def _row(self, _: str, rule: RuleName) -> RulePeriod:
        group, name = rule
        sentence = f"makes a new alert at each evaluation: its label {self._label(rule)} changes"
        log.warning("rule %s of %s %s", name, self._site, sentence)
        return RulePeriod(
            state=RulePeriod.FLOODING, name=name, group=group, source="", error=sentence
        )

    def _label(self, rule: RuleName) -> str:
        """Return the label with the most values among the newest alerts of a rule."""
        group, name = rule
        rows = AlertPeriod.objects.filter(site=self._site, name=name, group=group)
        values: dict[str, set[str]] = {}
        for labels in rows.order_by("-start").values_list("labels", flat=True)[:SAMPLED]:
            for label, value in labels.items():
                values.setdefault(label, set()).add(value)
        return max(values, key=lambda label: len(values[label]), default="")


def _key(rule: RuleName) -> str:
    group, name = rule
    return f"{RulePeriod.FLOODING} {group[: LONGEST_KEY // 2]} {name}"[:LONGEST_KEY]


def _rule_of(alert: Alert) -> RuleName:
    """Return the rule's group and name as the database has them."""
    return stored(alert.group), stored_name(alert.name)


def read_floods(site: str) -> tuple[BrokenRule, ...]:
    """Read the rules that flood now; call it in ops.database.in_database."""
    rows = RulePeriod.objects.filter(site=site, end=None, state=RulePeriod.FLOODING)
    return tuple(BrokenRule(row.name, row.group, (), row.error) for row in rows.order_by("name"))
