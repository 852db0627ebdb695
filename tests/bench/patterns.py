"""How long the bot takes to read the most expensive messages: `python -m tests.bench.patterns`."""

import os
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from itertools import product
from statistics import median

import django

from ops.errors import OpsError
from ops.language.names import Names, SiteNames
from ops.language.times import Clock
from ops.vocabulary.timerange import SECOND

LETTERS = 4_000
PIECES = (
    "a", " ", "  ", "=", '"', "<", ">", "|", "<a|", "<@", "&amp;", "`", "!", ".", "please ",
    "\n", "\u00a0", "\u201c", "\ue000", "list ", "traces ", "trace/", "show trace ", "\U0001f600",
)  # fmt: skip
HEADS = ("", "list traces", "please show trace ")
CLOCK = Clock(1_796_036_400 * SECOND)
TAILS = ("", "!\n")


def measure() -> list[str]:
    """Return the sentence for the page, with the slowest pattern and message of all."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")
    django.setup()
    from bot.commands import reader, registry  # noqa: PLC0415  Django first
    from bot.text import clean  # noqa: PLC0415
    from ops.language.alerts import read_alerts  # noqa: PLC0415
    from ops.language.traces import read_traces  # noqa: PLC0415

    texts, names = list(_texts()), _names()
    patterns = [command.pattern.fullmatch for command in registry.commands]
    pattern = max(_seconds(match, text) for match in patterns for text in texts)
    cleaning = max(_seconds(clean, {"text": text}, "U0OPSBOT1") for text in texts)
    finding = max(_seconds(reader.likeliest, text, None) for text in texts)
    readers = (read_traces, read_alerts)
    reading = [_seconds(_read, read, text, names) for read in readers for text in texts]
    sentence = (
        f"\nThe bot on {len(texts):,} messages of {LETTERS:,} characters made to be expensive: the "
        f"slowest pattern took {_milliseconds(pattern)}, undoing Slack's markup "
        f"{_milliseconds(cleaning)}, finding the likeliest command {_milliseconds(finding)}. "
        "Reading them as a filter in people's own words: median "
        f"{_milliseconds(median(reading))}, slowest {_milliseconds(max(reading))}."
    )
    print(sentence, flush=True)
    return [sentence]


def _texts() -> Iterator[str]:
    for head, one, other, tail in product(HEADS, PIECES, ("", *PIECES), TAILS):
        body = (one + other) * LETTERS
        yield head + body[: LETTERS - len(head) - len(tail)] + tail


def _read(read: Callable[[str, Names, Clock], object], text: str, names: Names) -> None:
    with suppress(OpsError):
        read(text, names, CLOCK)


def _names() -> Names:
    """Return the names of a large site."""
    services = tuple(f"shop-{number}-service" for number in range(500))
    operations = {each: tuple(f"GET /{n}" for n in range(100)) for each in services[:20]}
    alerts = tuple(f"Alert{number}" for number in range(500))
    return Names((SiteNames("p", services=services, operations=operations, alerts=alerts),))


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
