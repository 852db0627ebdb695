"""Who is notified of an alert, and what keeps them from it, as Alertmanager says.

Source: Alertmanager's API v2, https://github.com/prometheus/alertmanager/blob/main/api/v2/openapi.yaml
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from ops.vocabulary.matchers import Matcher

ALERTNAME = "alertname"
ACTIVE, EXPIRED = "active", "expired"  # states of silences; the third is "pending"


@dataclass(frozen=True, slots=True)
class Silence:
    """A silence; times are Unix nanoseconds. `state` is Alertmanager's own word.

    `created_by` and `comment` are what its author wrote, whoever that was.
    """

    id: str
    matchers: tuple[Matcher, ...]
    starts_at: int
    ends_at: int
    created_by: str
    comment: str
    state: str = ACTIVE


def all_accept(matchers: Iterable[Matcher], labels: Mapping[str, str]) -> bool:
    """Return whether a silence with these matchers silences an alert with these labels.

    Unlike a filter, a silence does not look at annotations.
    """
    return all(each.accepts(labels.get(each.name, "")) for each in matchers)


@dataclass(frozen=True, slots=True)
class Notification:
    """An alert as Alertmanager has it: `labels`, who receives it, and what holds it back.

    `silenced_by` are IDs of silences, `inhibited_by` fingerprints of other alerts (Alertmanager's
    own), `muted_by` names of time intervals. If all three are empty, the receivers are notified.
    """

    labels: Mapping[str, str] = field(hash=False)
    receivers: tuple[str, ...]
    silenced_by: tuple[str, ...] = ()
    inhibited_by: tuple[str, ...] = ()
    muted_by: tuple[str, ...] = ()
    fingerprint: str = ""

    @property
    def name(self) -> str:
        """The alert's name."""
        return self.labels.get(ALERTNAME, "")

    @property
    def is_held_back(self) -> bool:
        """Whether nobody is notified."""
        return bool(self.silenced_by or self.inhibited_by or self.muted_by)


class Notifications:
    """The alerts of all instances of an Alertmanager, found by the labels of a source's alert.

    Prometheus adds external labels before it sends an alert, and may change others by relabelling.
    So the alert is the one whose labels include those that the source shows, with the fewest more.
    Thousands of alerts are looked up, so each set of label names has an index, made when needed.
    """

    def __init__(self, known: Iterable[Notification]) -> None:
        self._by_name: defaultdict[str, list[Notification]] = defaultdict(list)
        self._by_fingerprint: dict[str, Notification] = {}
        self._indexes: dict[tuple[str, ...], _Index] = {}
        for each in known:
            self._by_name[each.name].append(each)
            self._by_fingerprint[each.fingerprint] = each

    def __iter__(self) -> Iterator[Notification]:
        """Yield each alert once, although several instances may have it."""
        return iter(self._by_fingerprint.values())

    def of(self, labels: Mapping[str, str]) -> Notification | None:
        """Return what is known of an alert with these labels, None if nothing is."""
        names = tuple(sorted(labels))
        alert = labels.get(ALERTNAME, "")
        if (index := self._indexes.get((alert, *names))) is None:
            index = self._indexes[alert, *names] = _index(self._by_name.get(alert, ()), names)
        found = index.get(tuple(labels[name] for name in names))
        return _together(found) if found else None

    def fingerprinted(self, fingerprint: str) -> Notification | None:
        """Return the alert with Alertmanager's own fingerprint."""
        return self._by_fingerprint.get(fingerprint)


_Index = Mapping[tuple[str, ...], Sequence[Notification]]


def _index(known: Iterable[Notification], names: tuple[str, ...]) -> _Index:
    """Return the alerts by their values of these labels, of each those with the fewest more."""
    found: dict[tuple[str, ...], list[Notification]] = {}
    for each in sorted(known, key=lambda each: len(each.labels)):
        if each.labels.keys() >= {*names}:
            same = found.setdefault(tuple(each.labels[name] for name in names), [])
            if not same or len(same[0].labels) == len(each.labels):
                same.append(each)
    return found


def _together(found: Sequence[Notification]) -> Notification:
    """Return one for what several instances say; one that holds nothing back notifies.

    Instances know different alerts and, for a moment after a change, different silences.
    """
    counted = [each for each in found if not each.is_held_back] or found
    return Notification(
        labels=found[0].labels,
        receivers=tuple(sorted({name for each in found for name in each.receivers})),
        silenced_by=_all(each.silenced_by for each in counted),
        inhibited_by=_all(each.inhibited_by for each in counted),
        muted_by=_all(each.muted_by for each in counted),
        fingerprint=found[0].fingerprint,
    )


def _all(parts: Iterable[Sequence[str]]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(each for part in parts for each in part))
