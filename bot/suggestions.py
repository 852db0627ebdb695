"""Suggest the command that a person probably meant, if their text reaches none.

A suggestion runs only if the person clicks it. `bot.sayings` has the phrases that mean a
command without resembling its name.
"""

from collections.abc import Iterator
from difflib import SequenceMatcher

from bot.registry import Command, Registry
from bot.sayings import filled

ALIKE = 0.7  # similarity from which a command is suggested; 1 is identical
LONGEST_NAME = 3  # words: "list of traces"
LONGEST_LEAD = 5  # words: "could you please show me traces"
_WITHIN = 0.72  # for a command inside the text: "show me the alerts" means "alerts"
_LONGEST_HEAD = 40
_LONGEST_SLIP = 400  # a suggestion for a longer text would not be readable on a button
_WORD_APART = 0.1
_SAYING_APART = 0.1  # "change samplng" is a typo of "change sampling", not the saying "change"


def nearest(registry: Registry, text: str) -> str:
    """Return the line that was probably meant: "list traces error" for "lst trace error".

    Returns "" if no command is near. Show the line, but never run it. The search takes some
    milliseconds, so run it in a thread.
    """
    if len(text) > _LONGEST_SLIP:
        return ""
    _, _, line = max(_guesses(registry, text), default=(0.0, 0, ""))
    return line


def _guesses(registry: Registry, text: str) -> Iterator[tuple[float, int, str]]:
    """Yield guesses: the similarity, the number of words replaced, and the resulting line.

    A guess replaces the first words by a similar command, or drops them: "could you list
    traces".
    """
    words = text.split(maxsplit=LONGEST_NAME)
    for taken in range(1, min(len(words), LONGEST_NAME) + 1):
        head = " ".join(words[:taken])[:_LONGEST_HEAD].lower()
        rest = " ".join(words[taken:])
        for command in registry.commands:
            near = max(_alike(head, name) for name in _names(registry, command))
            line = f"{command.name} {rest}".rstrip()
            if near >= ALIKE and registry.find(line)[0] is command:
                yield near, taken, line
        for saying, meant in registry.sayings.items():
            near, line = _alike(head, saying), filled(meant, rest)
            if near >= ALIKE and registry.find(line)[0] is not registry.fallback:
                yield near - _SAYING_APART, taken, line
    words = text.split(maxsplit=LONGEST_LEAD)
    for skipped in range(1, len(words)):
        line = " ".join(words[skipped:])
        line = filled(registry.sayings.get(line.lower(), line), "")
        if registry.find(line)[0] is not registry.fallback:
            yield _WITHIN, 0, line
            return


def _names(registry: Registry, command: Command) -> Iterator[str]:
    """Yield the command's name, and its last word if that alone reaches the command."""
    yield command.name
    last = command.name.rpartition(" ")[2]
    if registry.find(last)[0] is command:
        yield last


def _alike(head: str, name: str) -> float:
    """Return the similarity; each extra or missing word counts like a letter or two."""
    apart = abs(head.count(" ") - name.count(" "))
    return SequenceMatcher(None, head, name).ratio() - _WORD_APART * apart
