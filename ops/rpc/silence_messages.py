"""Silences as messages that fit into what every gRPC client accepts."""

from collections.abc import Iterable, Sequence

from ops.alerts.answers import SourceFailure
from ops.errors import InvalidInput
from ops.rpc.messages import LONGEST_TOKEN, UNKNOWN_PAGE, matchers
from ops.silences.actions import MadeSilence, Preview, ShownSilence, SilenceList
from ops.vocabulary.matchers import Matcher
from ops.vocabulary.notifications import Notification
from proto.ops import ops_pb2

LARGEST = 4_000_000  # bytes of silences or alerts per response, below 4 MiB with what is around
_AROUND = 6  # bytes for tag and length of each, at most
_LONGEST = 1_000  # characters of a text
_LONGEST_MATCHER = 4_000
_MOST = 100  # matchers of a silence, or failures

Place = tuple[int, str]  # when a silence ends, and its ID


def matchers_of(texts: Iterable[str]) -> tuple[Matcher, ...]:
    """Read matchers, each alone or in a list; raises InvalidInput."""
    return tuple(each for text in texts for each in matchers(text))


def place_of(token: str) -> Place:
    """Read after which silence a page starts; raises InvalidInput."""
    end, _, key = token[:LONGEST_TOKEN].partition("/")
    if token and not (end.isascii() and end.isdigit()):
        raise InvalidInput(UNKNOWN_PAGE)
    return int(end or 0), key


def silences(found: SilenceList, after: Place) -> ops_pb2.SilencesResp:
    """Write a page of silences."""
    answer = ops_pb2.SilencesResp(
        site=found.site, total=len(found.silences), failures=_failures(found.failures)
    )
    room, last = LARGEST, after
    for each in found.silences:
        place = each.silence.ends_at, each.silence.id
        if place <= after:
            continue
        message = _silence(each)
        room -= message.ByteSize() + _AROUND
        if room < 0:
            answer.next_page_token = f"{last[0]}/{last[1]}"
            break
        answer.silences.append(message)
        last = place
    return answer


def preview(found: Preview) -> ops_pb2.PreviewSilenceResp:
    """Write what a silence would hide; alerts that do not fit are counted only."""
    answer = ops_pb2.PreviewSilenceResp(
        site=found.site,
        matchers=map(str, found.matchers),
        total=len(found.hides),
        questions=found.questions,
        failures=_failures(found.failures),
    )
    room = LARGEST
    for message in map(_hidden, found.hides):
        room -= message.ByteSize() + _AROUND
        if room < 0:
            break
        answer.hides.append(message)
    return answer


def changed(done: MadeSilence) -> ops_pb2.ChangedSilence:
    """Write a silence after a change."""
    silence = _silence(ShownSilence(done.silence, done.hides))
    return ops_pb2.ChangedSilence(site=done.site, silence=silence, replaced=done.replaced)


def _silence(shown: ShownSilence) -> ops_pb2.Silence:
    silence = shown.silence
    return ops_pb2.Silence(
        id=silence.id[:_LONGEST],
        matchers=[str(each)[:_LONGEST_MATCHER] for each in silence.matchers[:_MOST]],
        starts_at=silence.starts_at,
        ends_at=silence.ends_at,
        created_by=silence.created_by[:_LONGEST],
        comment=silence.comment[:_LONGEST],
        state=silence.state[:_LONGEST],
        alerts=shown.alerts,
        is_idle=shown.is_idle,
    )


def _hidden(alert: Notification) -> ops_pb2.HiddenAlert:
    return ops_pb2.HiddenAlert(labels=alert.labels, held_back=alert.is_held_back)


def _failures(found: Sequence[SourceFailure]) -> list[ops_pb2.SourceFailure]:
    return [
        ops_pb2.SourceFailure(source=each.source, reason=each.reason[:_LONGEST])
        for each in found[:_MOST]
    ]
