"""Lists of alerts as messages, most urgent first, in pages that every client accepts.

A gRPC client accepts 4 MiB per message by default; 6,500 alerts of the usual mixins are 4.8 MB.
A list is therefore cut below that, whether or not the client asked for a page.
"""

import asyncio
from dataclasses import dataclass

from cachetools import TTLCache

from ops.alerts.actions import AlertList
from ops.alerts.notifying import Notified
from ops.alerts.paging import Place, index_of, parse_place, place_after
from ops.alerts.truth import Reason
from ops.errors import InvalidInput
from ops.metrics import watched
from ops.vocabulary.acknowledgements import Acknowledgement
from ops.vocabulary.alerts import Alert
from proto.ops import ops_pb2

LARGEST = 4_000_000  # bytes of alerts per response, below 4 MiB with the fields around them
_AROUND = 6  # bytes for tag and length of each alert, at most
_SHORT = 1_000  # characters kept of an alert's strings if it is larger than a response
_MOST = 100  # broken rules, doubts and watchdogs per response
_LARGE_WATCHDOG = 10_000  # bytes; a larger one is left out
_OVERSIZE = "labels and annotations are omitted: they are larger than a response can be"


@dataclass(frozen=True, slots=True)
class Page:
    """`size` alerts (0: as many as fit) after position `after` (None: from the first)."""

    size: int = 0
    after: Place | None = None


def page_of(request: ops_pb2.AlertsReq) -> Page:
    """Read which page the request is for; raises InvalidInput."""
    if request.page_size < 0:
        raise InvalidInput(
            f"page_size is {request.page_size}; it must be 1 or more, or 0 for as many as fit"
        )
    return Page(request.page_size, parse_place(request.page_token) if request.page_token else None)


# Recently written pages, because writing thousands of alerts takes longer than sending them.
# The list is stored beside its page so that its id is not reused for another list.
_Written = tuple[AlertList, asyncio.Task[bytes]]
_written: TTLCache[tuple[int, Page], _Written] = watched("alert pages", TTLCache(maxsize=16, ttl=2))


async def alert_page(found: AlertList, page: Page) -> bytes:
    """Write one page of alerts, and the sources that did not answer, as a serialized AlertsResp.

    Callers who ask for the same page at the same time share it, written once.
    """
    key = (id(found), page)
    written = _written.get(key)
    if written is None:
        task = asyncio.create_task(asyncio.to_thread(_serialized, found, page))
        written = _written[key] = (found, task)
    return await asyncio.shield(written[1])


def _serialized(found: AlertList, page: Page) -> bytes:
    return _alert_page(found, page).SerializeToString()


def _alert_page(found: AlertList, page: Page) -> ops_pb2.AlertsResp:
    answer = ops_pb2.AlertsResp()
    for failure in found.failures:
        answer.failures.add(source=failure.source, reason=failure.reason)
    for failure in found.routed.failures if found.routed else ():
        answer.alertmanager_failures.add(source=failure.source, reason=failure.reason)
    _add_doubts(answer, found)
    first = index_of(found.alerts, page.after) if page.after else 0
    end = min(first + page.size, len(found.alerts)) if page.size else len(found.alerts)
    room, number = LARGEST - answer.ByteSize(), first
    while number < end:
        message = _fitting(found.alerts[number], found)
        room -= message.ByteSize() + _AROUND
        if room < 0:
            answer.truncated = True
            break
        answer.alerts.append(message)
        number += 1
    if first < number < len(found.alerts):
        answer.next_page_token = str(place_after(found.alerts, number - 1))
    return answer


def _add_doubts(answer: ops_pb2.AlertsResp, found: AlertList) -> None:
    """Add what is not known, and why; cut, because it must not take the alerts' room."""
    answer.at = found.at
    for rule in found.broken_rules[:_MOST]:
        answer.broken_rules.add(
            name=rule.name[:_SHORT],
            group=rule.group[:_SHORT],
            sources=rule.sources,
            error=rule.error[:_SHORT],
        )
    partial = (each.detail for each in found.doubts if each.reason is Reason.PARTIAL)
    answer.warnings.extend(text[:_SHORT] for text in [*partial, *found.infos][:_MOST] if text)
    for doubt in found.doubts[:_MOST]:
        answer.not_known.add(
            reason=ops_pb2.Doubt.Reason.Value(doubt.reason.name),
            source=doubt.source,
            sentence=doubt.sentence[:_SHORT],
        )
    watchdogs = [_fitting(each, found) for each in found.watchdogs[:_MOST]]
    answer.watchdogs.extend(each for each in watchdogs if each.ByteSize() <= _LARGE_WATCHDOG)


def _fitting(alert: Alert, found: AlertList) -> ops_pb2.Alert:
    """Return the alert's message, without its strings if it is larger than a response."""
    held = found.held.of(alert)
    message = ops_pb2.Alert(
        state=alert.state,
        value=alert.value,
        active_at=alert.active_at,
        name=alert.name,
        severity=alert.severity,
        source=", ".join(alert.sources),
        group=alert.group,
        rule_health=alert.rule_health,
        sources=alert.sources,
        disagree=alert.disagree,
        native_state=alert.native_state,
        fired_at=alert.fired_at,
        fingerprint=alert.fingerprint,
        stale_since=alert.stale_since,
        recovering=alert.recovering,
        labels=alert.labels,
        annotations=alert.annotations,
        notified=_notified(found.routed.of(alert)) if found.routed else None,
        held=held_message(held) if held else None,
    )
    if message.ByteSize() + _AROUND <= LARGEST:
        return message
    return ops_pb2.Alert(
        state=alert.state,
        active_at=alert.active_at,
        name=alert.name[:_SHORT],
        fingerprint=alert.fingerprint,
        severity=alert.severity[:_SHORT],
        source=", ".join(alert.sources),
        annotations={"opsportal": _OVERSIZE},
    )


def _notified(found: Notified | None) -> ops_pb2.Notified | None:
    if found is None:
        return None
    return ops_pb2.Notified(
        delivery=ops_pb2.Notified.Delivery.Value(found.delivery.name),
        receivers=found.receivers,
        silenced_by=[each.id for each in found.silences],
        silenced_until=found.until,
        inhibited_by=found.inhibited_by,
        muted_by=found.muted_by,
    )


def held_message(found: Acknowledgement) -> ops_pb2.Held:
    """Write who has an alert."""
    return ops_pb2.Held(
        person=found.person,
        since=found.since,
        until=found.until,
        note=found.note,
        all=found.is_of_group,
        given_by=found.given_by,
    )


def acknowledgement(found: Acknowledgement) -> ops_pb2.Acknowledgement:
    """Write who has or had what, after a change."""
    return ops_pb2.Acknowledgement(
        site=found.site,
        name=found.name,
        fingerprint=found.fingerprint,
        held=held_message(found),
        ended=found.ended,
        end=found.end,
    )
