"""What a word or a key means in a filter for alerts, by the names that are known."""

from collections.abc import Collection

from ops.errors import InvalidInput
from ops.language.amounts import LESS, MORE
from ops.language.keys import alert_key
from ops.language.lines import NEGATIONS, some
from ops.language.names import Kind, SiteNames
from ops.vocabulary.alert_filters import STATES, UNLISTED
from ops.vocabulary.alerts import MILD, SEVERITIES
from ops.vocabulary.matchers import KEYS, SHORT, quoted, written

FIRING_WORDS = some(
    "firing fires fire fired active alerting ongoing open triggered burning red going"
)
UNLISTED_WORDS = {UNLISTED, "resolved", "closed"}
FIRING_STATES = some("firing active alerting triggered open")  # as values of state=
FILLER = some(
    """
    alert alerts alarm alarms pages paged now currently right only just service
    services svc app site environment env severity state states label labels name named called
    off broken wrong happening that's than last recent recently latest new time && matching
    """
)
RESERVED = FILLER | FIRING_WORDS | {*STATES}
OLDER = MORE | some("older for")
YOUNGER = LESS | some("newer younger")
NEVER_LEFT_OUT = NEGATIONS | {"or"}


class UnknownWord(InvalidInput):
    """A word of a filter that nothing is called on a site, as far as its names are known."""

    def __init__(self, message: str, word: str = "", site: str = "") -> None:
        super().__init__(message)
        self.word = word
        self.site = site


def meaning_of(label: str, labels: Collection[str]) -> str:
    """Return which of our keys another tool's is, "" if it is the label that it says."""
    key = "" if label in labels else alert_key(label)
    return "" if key in ("alert", "severity") and label in ("alertname", "severity") else key


def kind_of(word: str, where: SiteNames) -> Kind | None:
    """Return what a word alone means to `ops.alerts.words`, None for nothing known."""
    small = word.lower()
    for kind, known in (
        (Kind.STATE, (*STATES, UNLISTED)),
        (Kind.SERVICE, where.services),
        (Kind.SEVERITY, (*SEVERITIES, *MILD, *where.severities)),
        (Kind.ALERT, where.alerts),
    ):
        if small in map(str.lower, known):
            return kind
    return Kind.LABEL if word in where.labels else None


def as_word(name: str) -> str:
    """Write a name as a word alone."""
    return quoted(name) if name in KEYS else written(name)


def as_value(value: str) -> str:
    """Write the value of a key, in quotes if it needs them."""
    return value if SHORT.fullmatch(value) else quoted(value)
