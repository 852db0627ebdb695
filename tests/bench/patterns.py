"""How long the bot takes to read the most expensive messages: `python -m tests.bench.patterns`."""

import os
import time
from collections.abc import Iterator
from itertools import product

import django

LETTERS = 4_000
PIECES = (
    "a", " ", "  ", "=", '"', "<", ">", "|", "<a|", "<@", "&amp;", "`", "!", ".", "please ",
    "\n", "\u00a0", "\u201c", "\ue000", "list ", "traces ", "trace/", "show trace ", "\U0001f600",
)  # fmt: skip
HEADS = ("", "list traces", "please show trace ")
TAILS = ("", "!\n")


def measure() -> list[str]:
    """Return the sentence for the page, with the slowest pattern and message of all."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")
    django.setup()
    from bot.commands import reader, registry  # noqa: PLC0415  Django first
    from bot.text import clean  # noqa: PLC0415

    texts = list(_texts())
    patterns = [command.pattern.fullmatch for command in registry.commands]
    pattern = max(_seconds(match, text) for match in patterns for text in texts)
    cleaning = max(_seconds(clean, {"text": text}, "U0OPSBOT1") for text in texts)
    finding = max(_seconds(reader.likeliest, text, None) for text in texts)
    sentence = (
        f"\nThe bot on {len(texts):,} messages of {LETTERS:,} characters made to be expensive: the "
        f"slowest pattern took {_milliseconds(pattern)}, undoing Slack's markup "
        f"{_milliseconds(cleaning)}, finding the likeliest command {_milliseconds(finding)}."
    )
    print(sentence, flush=True)
    return [sentence]


def _texts() -> Iterator[str]:
    for head, one, other, tail in product(HEADS, PIECES, ("", *PIECES), TAILS):
        body = (one + other) * LETTERS
        yield head + body[: LETTERS - len(head) - len(tail)] + tail


def _seconds(function: object, *arguments: object) -> float:
    """Return the faster of two runs, because the first may have to warm up."""
    return min(_once(function, *arguments) for _ in range(2))


def _once(function: object, *arguments: object) -> float:
    assert callable(function)
    started = time.thread_time()
    function(*arguments)
    return time.thread_time() - started


def _milliseconds(seconds: float) -> str:
    return f"{seconds * 1000:.1f} ms"


if __name__ == "__main__":
    measure()
