"""Matcher texts mean what they mean to Alertmanager: both parsers read the same texts."""

import json
import os
import random
import subprocess
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import pytest

from ops.errors import InvalidInput
from ops.vocabulary.alert_filters import AlertFilter, parse_filter
from ops.vocabulary.matchers import Matcher, parse_matcher, parse_matchers
from tests.live import servers

NUMBER = 3_000
SEED = 13
NAMES = ("a", "severity", "a:b_1") * 4 + (
    "a.b", "1a", "é", "a b", '"a b"', '"a"', '"a\\nb"', '""', "state",
)  # fmt: skip
OPERATORS = ("=", "!=", "=~", "!~") * 4 + (" = ", "\t=~ ", "\n!=", "==", "=!", "~", "!", ">")
VALUES = (
    "b", "", "b c", "b|c", ".*", "b{2}", "(b", "[b]", "\\d", "é", "'b'", "C:\\new", '\\"b', "b\\",
    '"b"', '""', '"b,c"', '"b{2}"', '"\\t"', '"\\x41"', '"\\xff"', '"\\101"', '"\\u00e9"',
    '"\\ud800"', '"\\U0001F600"', '"\\q"', '"\\\\d"', '"b\\nc"', '"b\nc"', '"\\""', '"b\\"',
    '"b', 'b"', '"(?i)b"', '"b)|(c"', "\\C", '"\\\\C"',
)  # fmt: skip
BETWEEN = (",", ", ", " ,") * 6 + (";", " ", ",,", " and ", "\n", "")
PIECES = (
    *"ab\"\\{}=!~,'` \n\t\u00a0\u2028|()[]*+?.^$é1",
    "=~",
    "!=",
    "\\n",
    '\\"',
    "\\\\",
    '="',
    '",',
)


@pytest.fixture(scope="module")
def alertmanager() -> Callable[[Iterable[str]], list[dict[str, Any]]]:
    """Alertmanager's parsers: what each text means to them, see matchers.go."""
    script = servers.HERE / "matchers.sh"
    built = subprocess.run([script], check=False, capture_output=True, text=True)
    if built.returncode:
        (pytest.fail if os.environ.get("CI") else pytest.skip)(built.stderr.strip())
    binary = built.stdout.strip()

    def read(texts: Iterable[str]) -> list[dict[str, Any]]:
        lines = "".join(json.dumps(text) + "\n" for text in texts)
        said = subprocess.run([binary], input=lines, check=True, capture_output=True, text=True)
        return [json.loads(line) for line in said.stdout.splitlines()]

    return read


def random_text(chance: random.Random) -> str:
    """Return something like a list of matchers, or a few characters of one."""
    if chance.random() < 0.3:
        return "".join(chance.choices(PIECES, k=chance.randint(0, 14)))
    text = "".join(
        chance.choice(NAMES) + chance.choice(OPERATORS) + chance.choice(VALUES) + between
        for between in chance.choices(BETWEEN, k=chance.choice((1, 1, 1, 2, 3)))
    )
    text = text if chance.random() < 0.5 else text.rstrip(", ;")
    if chance.random() < 0.3:
        text = chance.choice(("{", " {", "{ ", "")) + text + chance.choice(("}", "} ", " }", ""))
    if chance.random() < 0.2 and text:
        at = chance.randrange(len(text))
        text = text[:at] + chance.choice(("", chance.choice(PIECES))) + text[at + 1 :]
    return text


def ours(read: Callable[[str], Sequence[Matcher]], text: str) -> list[list[str]] | None:
    try:
        return triples(read(text))
    except InvalidInput:
        return None


def triples(matchers: Sequence[Matcher]) -> list[list[str]]:
    return [[each.name, each.operator, each.value] for each in matchers]


def theirs(found: list[list[str]] | None) -> list[list[str]] | None:
    """Leave out what Alertmanager itself cannot read back: a label without a name."""
    return None if found and any(not name for name, _, _ in found) else found


def test_each_text_means_the_same_to_alertmanager(
    alertmanager: Callable[[Iterable[str]], list[dict[str, Any]]],
) -> None:
    chance = random.Random(SEED)
    texts = [random_text(chance) for _ in range(NUMBER)]

    readings = alertmanager(texts)

    accepted = 0
    for text, reading in zip(texts, readings, strict=True):
        assert ours(parse_matchers, text) == theirs(reading["list"]), text
        assert ours(lambda text: [parse_matcher(text)], text) == theirs(reading["one"]), text
        accepted += bool(reading["list"])
    assert NUMBER / 5 < accepted < NUMBER * 4 / 5


def test_alertmanager_reads_what_is_written(
    alertmanager: Callable[[Iterable[str]], list[dict[str, Any]]],
) -> None:
    chance = random.Random(SEED)
    filters = [
        AlertFilter(tuple(random_matcher(chance) for _ in range(chance.randint(1, 3))))
        for _ in range(NUMBER)
    ]

    readings = alertmanager(map(str, filters))

    for filter, reading in zip(filters, readings, strict=True):
        assert reading["list"] == triples(filter.matchers), str(filter)
        assert parse_filter(str(filter)) == filter


def test_in_braces_a_filter_line_means_the_same_or_is_refused(
    alertmanager: Callable[[Iterable[str]], list[dict[str, Any]]],
) -> None:
    chance = random.Random(SEED)
    texts = [f"{{{random_text(chance)}}}" for _ in range(NUMBER)]

    same = 0
    for text, reading in zip(texts, alertmanager(texts), strict=True):
        found = ours(lambda text: parse_filter(text).matchers, text)
        if found is not None:
            assert found == reading["list"], text
            same += 1
    assert same > NUMBER / 8


def random_matcher(chance: random.Random) -> Matcher:
    name = "".join(chance.choices(PIECES, k=chance.randint(1, 6)))
    value = "".join(chance.choices(PIECES, k=chance.randint(0, 10)))
    try:
        return Matcher(name, chance.choice(("=", "!=", "=~", "!~")), value)
    except InvalidInput:
        return Matcher(name, "=", value)
