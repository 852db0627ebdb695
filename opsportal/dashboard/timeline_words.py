"""What happened, as plain sentences without an end: for the titles of bars and marks."""

from ops.alerts.changes import AlertChange
from ops.overview.actions import Happened
from ops.overview.incidents import PastIncident
from ops.overview.signins import SignIn
from ops.sampling.actions import SamplingChange
from ops.sampling.revisions import FILE
from ops.vocabulary import figures
from ops.vocabulary.acknowledgements import GIVEN_BACK, Acknowledgement
from ops.vocabulary.notifications import Silence
from opsportal.dashboard import words


def said(each: Happened) -> str:
    """Return what happened, as a sentence without its end."""
    if each.version:
        now, before = (words.name(", ".join(names)) for names in _versions(each))
        return f"{words.name(each.version.service)} started to run {now}, before that only {before}"
    if each.sampling:
        return said_of_sampling(each.sampling)
    if each.silence:
        return said_of_silence(each.silence, ended=each.ended)
    if each.acknowledgement:
        return said_of_holding(each.acknowledgement, ended=each.ended)
    if each.incident:
        return said_of_incident(each.incident, ended=each.ended)
    if each.sign_in:
        return f"{said_of_token(each.sign_in)} signed in, over gRPC"
    if each.row:
        target = f" {words.name(each.row.target)}" if each.row.target else ""
        return f"{words.name(each.row.actor)}: {each.row.action}{target}, {each.row.outcome}"
    return _said_of_alert(each.alert) if each.alert else ""


def _versions(each: Happened) -> tuple[tuple[str, ...], tuple[str, ...]]:
    return (each.version.versions, each.version.before) if each.version else ((), ())


def said_of_sampling(change: SamplingChange) -> str:
    """Return `olga set sampling of petstore to 50%: a look`."""
    who = "the site file" if change.door == FILE else words.name(change.actor)
    because = f": {words.name(change.reason)}" if change.reason else ""
    return f"{who} set sampling of {words.name(change.service)} to {change.policy}{because}"


def said_of_silence(silence: Silence, *, ended: bool = False) -> str:
    """Return `olga silenced alertname="QueueDeep": known`, or that it ended."""
    matchers = words.name(matchers_of(silence), 160)
    if ended:
        return f"a silence of {matchers} ended"
    because = f": {words.name(silence.comment, 160)}" if silence.comment else ""
    return f"{words.name(silence.created_by) or 'somebody unnamed'} silenced {matchers}{because}"


def said_of_holding(held: Acknowledgement, *, ended: bool = False) -> str:
    """Return `alice has QueueDeep: looking`, or how that ended."""
    person, what = words.name(held.person), words.name(held.what)
    if held.end == GIVEN_BACK and ended:
        return f"{person} gave back {what}"
    if ended:
        return f"{person} no longer has {what}: {held.why}"
    given = f" from {words.name(held.given_by)}" if held.given_by else ""
    note = f": {words.name(held.note, 160)}" if held.note else ""
    return f"{person} has {what}{given}{note}"


def said_of_incident(incident: PastIncident, *, ended: bool = False) -> str:
    """Return `olga opened incident 3: petstore slow`, or who closed it."""
    person = words.name(incident.closer if ended else incident.opener)
    title = words.name(incident.title, 120)
    return f"{person} {'closed' if ended else 'opened'} incident {incident.number}: {title}"


def said_of_token(sign_in: SignIn) -> str:
    """Return `token ops_4fz1… (builds) of ci`."""
    return f"token {words.name(sign_in.token)} of {words.name(sign_in.person)}"


def _said_of_alert(change: AlertChange) -> str:
    several = f" ({figures.count(change.count, 'alert')})" if change.count > 1 else ""
    return f"{change.kind.said_of(words.name(change.name))}{several}"


def matchers_of(silence: Silence) -> str:
    """Return which alerts it silences."""
    return ", ".join(map(str, silence.matchers))
