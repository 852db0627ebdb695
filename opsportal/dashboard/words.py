"""Counts, names, values and numbers as text."""

import unicodedata
from collections.abc import Sequence

from ops.vocabulary import figures, tags
from ops.vocabulary.spans import Value
from ops.vocabulary.texts import shortened
from ops.vocabulary.timerange import format_duration

LONGEST_NAME = 80
MOST_NAMED = 3  # in a heading
_ISOLATE, _END = "\u2068", "\u2069"


def number(of: int) -> str:
    """Return `12,000`."""
    return f"{of:,}"


def name(text: str, longest: int = LONGEST_NAME) -> str:
    """Shorten an untrusted name for use in a sentence.

    Right-to-left text is isolated from the words around it. Direction controls are removed,
    because one that is never closed would also reverse those words.
    """
    cut = shortened(text, longest)
    if cut.isascii() and cut.isprintable():
        return cut
    directed = "".join(letter for letter in cut if letter not in _CONTROLS)
    plain = "".join(" " if unicodedata.category(letter) == "Cc" else letter for letter in directed)
    turns = any(unicodedata.bidirectional(letter) not in _PLAIN_DIRECTIONS for letter in plain)
    return f"{_ISOLATE}{plain}{_END}" if turns else plain


_CONTROLS = "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
_PLAIN_DIRECTIONS = {"L", "EN", "ES", "ET", "CS", "B", "S", "WS", "ON", "NSM", ""}


def root(service: str, operation: str) -> str:
    """Return a trace's name, from its root span, which may be missing."""
    if not (service or operation):
        return "A trace without its root"
    return f"{name(service)} {name(operation)}"


def cause(sentence: str) -> str:
    """Return why a backend fails, without how often and until when it is left alone."""
    return sentence.partition(" (failed ")[0]


def mixtures(services: Sequence[tuple[str, int]]) -> list[str]:
    """Return a sentence for each service with several versions, and a count of the rest."""
    if len(services) > MOST_NAMED:
        return [f"{len(services):,} services run several versions"]
    return [f"{name(service)} runs {number} versions" for service, number in services]


def value(given: Value) -> str:
    """Return an attribute's value as Jaeger shows it, bytes in hex."""
    if isinstance(given, bytes):
        size = figures.count(len(given), "byte")
        return f"{size}: {given[:64].hex()}{'…' if len(given) > 64 else ''}"
    return tags.shown(given)


def percent(share: float) -> str:
    """Return `3.1%`, `0.2%`, `0%`; a number above zero is never shown as zero."""
    number = share * 100
    if 0 < number < 0.1:
        return "under 0.1%"
    return f"{number:.1f}".removesuffix(".0") + "%"


def longer(nanoseconds: int) -> str:
    """Return a difference between durations: `+1.17 s`, `-3 ms`, `0`."""
    if not nanoseconds:
        return "0"
    return f"{'+' if nanoseconds > 0 else ''}{format_duration(nanoseconds)}"


def rate(number: float) -> str:
    """Return requests per second: `42`, `1.8`, `0.05`."""
    return f"{number:,.0f}" if number >= 10 else f"{number:.2g}"


def door(name: str) -> str:
    """Return a door's name for use after "from"."""
    return {"slack": "Slack", "grpc": "gRPC"}.get(name, f"the {name}")
