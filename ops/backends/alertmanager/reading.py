"""Read what an Alertmanager answers, and write what it takes.

What cannot be read is left out and counted; the rest of the answer is kept.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from ops.errors import InvalidInput
from ops.vocabulary import timerange
from ops.vocabulary.matchers import Matcher
from ops.vocabulary.notifications import EXPIRED, Notification, Silence

T = TypeVar("T")
Body = Mapping[str, Any]
_BAD = (KeyError, TypeError, ValueError, AttributeError, InvalidInput)


@dataclass(frozen=True, slots=True)
class Routing:
    """The alerts of one instance with who is notified, and its active and pending silences.

    `unreadable` is how many of both could not be read.
    """

    notifications: tuple[Notification, ...]
    silences: tuple[Silence, ...]
    unreadable: int = 0


@dataclass(slots=True)
class Reading:
    """The reading of the answers that make one Routing."""

    unreadable: int = field(default=0)

    def notifications(self, body: object) -> tuple[Notification, ...]:
        """Read the answer of GET /api/v2/alerts; raises TypeError if it is no list."""
        return tuple(self._each(body, _notification))

    def silences(self, body: object) -> tuple[Silence, ...]:
        """Read the answer of GET /api/v2/silences; raises TypeError."""
        return tuple(self._each(body, _silence))

    def in_force(self, body: object) -> tuple[Silence, ...]:
        """Read the same without those that have ended."""
        return tuple(each for each in self.silences(body) if each.state != EXPIRED)

    def _each(self, body: object, read: Callable[[Body], T]) -> Iterator[T]:
        if not isinstance(body, list):
            raise TypeError("not a list")
        for item in body:
            try:
                yield read(item)
            except _BAD:
                self.unreadable += 1


def write_silence(silence: Silence) -> dict[str, object]:
    """Return a silence as the API takes it; one without an ID is a new one."""
    return {
        **({"id": silence.id} if silence.id else {}),
        "matchers": [
            {
                "name": each.name,
                "value": each.value,
                "isRegex": each.operator in ("=~", "!~"),
                "isEqual": each.operator in ("=", "=~"),
            }
            for each in silence.matchers
        ],
        "startsAt": timerange.format_moment(silence.starts_at),
        "endsAt": timerange.format_moment(silence.ends_at),
        "createdBy": silence.created_by,
        "comment": silence.comment,
    }


def _notification(item: Body) -> Notification:
    status = item["status"]
    return Notification(
        labels={_text(name): _text(value) for name, value in item["labels"].items()},
        receivers=tuple(_text(each["name"]) for each in item["receivers"]),
        silenced_by=_texts(status.get("silencedBy")),
        inhibited_by=_texts(status.get("inhibitedBy")),
        muted_by=_texts(status.get("mutedBy")),
        fingerprint=_text(item.get("fingerprint") or ""),
    )


def _silence(item: Body) -> Silence:
    return Silence(
        id=_text(item["id"]),
        matchers=tuple(map(_matcher, item["matchers"])),
        starts_at=_moment(item["startsAt"]),
        ends_at=_moment(item["endsAt"]),
        created_by=_text(item.get("createdBy") or ""),
        comment=_text(item.get("comment") or ""),
        state=_text(item["status"]["state"]),
    )


def _matcher(item: Body) -> Matcher:
    # `isEqual` is missing in answers of releases before 0.22, which have no negative matchers.
    operators = {(True, False): "=", (False, False): "!=", (True, True): "=~", (False, True): "!~"}
    operator = operators[item.get("isEqual", True), item["isRegex"]]
    return Matcher(_text(item["name"]), operator, _text(item["value"]))


def _moment(text: object) -> int:
    moment = timerange.parse_moment(_text(text)[:100])
    if moment.relative:
        raise ValueError("not a time")
    return moment.nanoseconds


def _texts(items: Iterable[object] | None) -> tuple[str, ...]:
    return tuple(map(_text, items or ()))


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError("not a text")
    return value
