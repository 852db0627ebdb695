"""Limits on the size of requests, checked before anything is parsed, compiled or compared.

Every door calls one of these functions once the caller's permission is known and before it
looks into the request; the guard does so with the arguments of every action. Real requests are
far smaller: the limits keep the work on one request to a few milliseconds.
"""

from collections.abc import Iterable, Mapping, Sequence

from ops.errors import InvalidInput

LONGEST_TEXT = 4_000  # characters
LONGEST_TOGETHER = 16_000  # characters of all strings of a request
MOST_ITEMS = 64  # in one list
MOST_WORDS = 50  # in one line
MOST_SPOKEN = 50  # words of a line in plain English
LARGEST_REQUEST = 64 * 1024  # bytes
LONGEST_RECORDED = 500  # of one value in the audit log
MOST_RECORDED = 20
_NUMBERS = (int, float, type(None))


class Secret(str):
    """A string that is never recorded."""

    __slots__ = ()


def check_size(size: int) -> None:
    """Raise InvalidInput if a request has too many bytes to look into."""
    if size > LARGEST_REQUEST:
        raise InvalidInput(
            f"the request has {size:,} bytes; the limit is {LARGEST_REQUEST:,}. Shorten it"
        )


def check_text(name: str, text: str) -> None:
    """Raise InvalidInput if a string is too long."""
    if len(text) > LONGEST_TEXT:
        raise too_long(f'"{shortened(name, 80)}"', text)


def too_long(what: str, text: str) -> InvalidInput:
    """Return the error for a string that is too long."""
    return InvalidInput(
        f"{what} has {len(text):,} characters; the limit is {LONGEST_TEXT:,}. Shorten it"
    )


def check_words(number: int, most: int = MOST_WORDS) -> None:
    """Raise InvalidInput if a line has too many words."""
    if number > most:
        raise InvalidInput(f"the line has more than {most} words. Use fewer")


def check_fields(fields: Iterable[tuple[str, object]]) -> None:
    """Raise InvalidInput if a field, or all fields together, are too large.

    Values are strings, numbers, lists of these, and dataclasses of these.
    """
    together = 0
    for number, (name, value) in enumerate(fields, 1):
        if number > MOST_ITEMS:
            raise InvalidInput(f"the request has more than {MOST_ITEMS} fields. Use fewer")
        check_text(name, name)
        together += len(name) + _checked(name, value)
        if together > LONGEST_TOGETHER:
            raise InvalidInput(
                f"the request has more than {LONGEST_TOGETHER:,} characters in total. Shorten it"
            )


def recorded(values: Mapping[str, object]) -> dict[str, str]:
    """Return values as the audit log stores them: each one cut, and at most MOST_RECORDED."""
    shown = [(key, value) for key, value in values.items() if not isinstance(value, Secret)]
    kept = shown[:MOST_RECORDED]
    texts = {shortened(key, 80): shortened(_text(value), LONGEST_RECORDED) for key, value in kept}
    return {key: text for key, text in texts.items() if text}


def shortened(text: str, longest: int) -> str:
    """Cut a string, and append how long it was."""
    if len(text) <= longest:
        return text
    return f"{text[:longest]}… ({len(text):,} characters)"


def _checked(name: str, value: object) -> int:
    """Return how many characters a value has; raises InvalidInput if it is too large.

    Most are numbers, and finding out that something is no sequence takes ten times as long.
    """
    if isinstance(value, _NUMBERS):
        return 0
    if isinstance(value, str):
        check_text(name, value)
        return len(value)
    if isinstance(value, bytes):
        check_size(len(value))
        return len(value)
    # dataclasses.fields() would take longer than everything else here.
    if parts := getattr(type(value), "__dataclass_fields__", None):
        return sum(_checked(part, getattr(value, part)) for part in parts)
    if isinstance(value, Sequence | set | frozenset):
        if len(value) > MOST_ITEMS:
            raise InvalidInput(
                f'"{shortened(name, 80)}" has {len(value):,} items; the limit is {MOST_ITEMS}. '
                "Use fewer"
            )
        characters = sum(_checked(name, item) for item in value)
        if characters > LONGEST_TEXT:
            raise InvalidInput(
                f'"{shortened(name, 80)}" has {characters:,} characters in total; '
                f"the limit is {LONGEST_TEXT:,}. Shorten it"
            )
        return characters
    return 0


def _text(value: object) -> str:
    """Return a value as a string, with at most MOST_ITEMS items of a list."""
    if isinstance(value, list | tuple):
        return ", ".join(str(item) for item in value[:MOST_ITEMS])
    return "" if value is None else str(value)
