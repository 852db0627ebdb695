"""How much of what people send is read: refused before it is parsed, compiled or compared.

Every door calls one of these once the caller's permission is known and before it looks into
what came; the guard does so with the arguments of every action. Real requests are far smaller:
the bounds keep the work on one request to a few milliseconds.
"""

import dataclasses
from collections.abc import Iterable, Mapping, Sequence

from ops.errors import InvalidInput

LONGEST_TEXT = 4_000  # characters
LONGEST_TOGETHER = 16_000  # of all texts of a request
MOST_ITEMS = 64  # in one list
MOST_WORDS = 64  # in one line
LARGEST_REQUEST = 64 * 1024  # bytes
LONGEST_RECORDED = 500  # of one value in the audit log
MOST_RECORDED = 20
_NUMBERS = (int, float, type(None))


def check_size(size: int) -> None:
    """Raise InvalidInput when a whole request has too many bytes to be looked into."""
    if size > LARGEST_REQUEST:
        raise InvalidInput(
            f"the request has {size:,} bytes; {LARGEST_REQUEST:,} is the most. Shorten it"
        )


def check_text(name: str, text: str) -> None:
    """Raise InvalidInput when a text is too long to be read."""
    if len(text) > LONGEST_TEXT:
        raise too_long(f'"{shortened(name, 80)}"', text)


def too_long(what: str, text: str) -> InvalidInput:
    """Return the one refusal of a text that is too long."""
    return InvalidInput(
        f"{what} has {len(text):,} characters; {LONGEST_TEXT:,} is the most. Shorten it"
    )


def check_words(number: int) -> None:
    """Raise InvalidInput when a line has too many words to be read."""
    if number > MOST_WORDS:
        raise InvalidInput(f"that is more than {MOST_WORDS} words. Write fewer")


def check_fields(fields: Iterable[tuple[str, object]]) -> None:
    """Raise InvalidInput when a field, or all together, is too much to be read.

    Values are texts, numbers, lists of such, and dataclasses of such.
    """
    together = 0
    for number, (name, value) in enumerate(fields, 1):
        if number > MOST_ITEMS:
            raise InvalidInput(f"the request has more than {MOST_ITEMS} fields. Leave some out")
        check_text(name, name)
        together += len(name) + _checked(name, value)
        if together > LONGEST_TOGETHER:
            raise InvalidInput(
                f"the request has more than {LONGEST_TOGETHER:,} characters in all. Shorten it"
            )


def recorded(values: Mapping[str, object]) -> dict[str, str]:
    """Return values as the audit log keeps them: each cut, and not more than it has room for."""
    kept = list(values.items())[:MOST_RECORDED]
    texts = {shortened(key, 80): shortened(_text(value), LONGEST_RECORDED) for key, value in kept}
    return {key: text for key, text in texts.items() if text}


def shortened(text: str, longest: int) -> str:
    """Cut a text, and say how long it was."""
    if len(text) <= longest:
        return text
    return f"{text[:longest]}… ({len(text):,} characters)"


def _checked(name: str, value: object) -> int:
    """Return how many characters a value has; raises InvalidInput.

    Most are numbers, and to ask whether something is a sequence takes ten times as long.
    """
    if isinstance(value, _NUMBERS):
        return 0
    if isinstance(value, str):
        check_text(name, value)
        return len(value)
    if isinstance(value, bytes):
        check_size(len(value))
        return len(value)
    if isinstance(value, Sequence | set | frozenset):
        if len(value) > MOST_ITEMS:
            raise InvalidInput(
                f'"{shortened(name, 80)}" has {len(value):,} items; {MOST_ITEMS} is the most. '
                "Leave some out"
            )
        characters = sum(_checked(name, item) for item in value)
        if characters > LONGEST_TEXT:
            raise InvalidInput(
                f'"{shortened(name, 80)}" has {characters:,} characters in all; '
                f"{LONGEST_TEXT:,} is the most. Leave some out"
            )
        return characters
    if dataclasses.is_dataclass(value):
        fields = dataclasses.fields(value)
        return sum(_checked(each.name, getattr(value, each.name)) for each in fields)
    return 0


def _text(value: object) -> str:
    """Write a value, of a list no more than can be kept."""
    if isinstance(value, list | tuple):
        return ", ".join(str(item) for item in value[:MOST_ITEMS])
    return str(value)
