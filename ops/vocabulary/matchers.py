r"""Matchers: conditions on the labels of an alert, read and written as Alertmanager does.

    severity="page"    team!=store    path=~"/pets/.*"    "my label"!~"a|b"

Alertmanager has two grammars. In its default mode, and here, a text means what the classic one
makes of it, or, if that refuses it, what the newer one does:

    classic   The name is [a-zA-Z_:][a-zA-Z0-9_:]*, the value anything up to the next comma, with
              or without quotes. \n, \" and \\ are escapes; any other backslash is itself.
    newer     Name and value are Go string literals, or have no white space and none of
              {}!=~,\"'`. A list has both of its braces or neither.
"""

import re
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from ops import limits
from ops.errors import InvalidInput
from ops.vocabulary.alerts import Alert
from ops.vocabulary.expressions import compiled
from ops.vocabulary.quoting import QUOTED
from ops.vocabulary.slips import slip_of

OPERATORS = ("=", "!=", "=~", "!~")
FORMS_OF_A_MATCHER = 'label="value" (with =, !=, =~ or !~), or label!="" if it only has to exist'
# What a filter line has besides matchers: a label of such a name is written in quotes.
KEYS = ("state", "states", "since", "last", "age", "site")
# Without `age`, which is so short that `page` would be a typo of it.
SLIPPED = tuple(key for key in KEYS if key != "age")

SPACE = "\t\n\v\f\r \x85\xa0\u1680\u2028\u2029\u202f\u205f\u3000" + "".join(
    map(chr, range(0x2000, 0x200B))
)  # as Go's unicode.IsSpace has it
_PLAIN = rf"""[^{SPACE}{{}}!=~,\\"'`]++"""  # a name or value that needs no quotes
UNQUOTED = rf"""[^{SPACE}{{}}!=~,\\"'`<>]++"""  # one in a filter line, where < and > are operators
_BLANKS = "\t\n\f\r "  # white space in Go's regular expressions
_CLASSIC = re.compile(
    rf"[{_BLANKS}]*+([a-zA-Z_:][a-zA-Z0-9_:]*+)[{_BLANKS}]*+(=~|!=|!~|=)(.*)", re.DOTALL
)
_CLASSIC_VALUE = re.compile(r'"((?:\\.|[^"\\])*+)"|(?!")((?:\\.|[^"\\])*+\\?)', re.DOTALL)
_CLASSIC_ESCAPES = {"n": "\n", '"': '"', "\\": "\\"}
_TERM = rf"({QUOTED}|{_PLAIN})[{SPACE}]*+"
_NEWER = re.compile(rf"{_TERM}(=~|!=|!~|=)[{SPACE}]*+{_TERM}(?:,[{SPACE}]*+|\Z)", re.DOTALL)
_NAME = re.compile(_TERM, re.DOTALL)
_GO_ESCAPE = rb'\\(?:([abfnrtv"\\])|x([0-9a-fA-F]{2})|([0-3][0-7]{2})|u(.{4})|U(.{8}))'
_GO_STRING = re.compile(rb'"(?:[^"\\\n]|%b)*+"' % _GO_ESCAPE)
_GO_ESCAPES = dict(zip(b'abfnrtv"\\', b'\a\b\f\n\r\t\v"\\', strict=True))
_UNQUOTED = re.compile(UNQUOTED)
SHORT = re.compile(r"[\w./:@%+-]+", re.ASCII)


@dataclass(frozen=True, slots=True)
class Matcher:
    """`name operator value`; the operator is "=", "!=", "=~" or "!~" (anchored RE2).

    It applies to the label of that name, else to the annotation; if there is neither, to "".
    `str` writes it so that Alertmanager and a filter line read it as the same. Raises InvalidInput
    if the name is empty, or the operator or the regular expression is invalid.
    """

    name: str
    operator: str
    value: str

    def __post_init__(self) -> None:
        if not self.name or self.operator not in OPERATORS:
            raise _not_a_matcher(f"{self.name}{self.operator}{self.value}")
        if self.operator in ("=~", "!~"):
            compiled(self.value)

    def matches(self, alert: Alert) -> bool:
        """Return whether the alert meets the condition."""
        found = alert.labels.get(self.name)
        if found is None:
            found = alert.annotations.get(self.name, "")
        return self.accepts(found)

    def accepts(self, text: str) -> bool:
        """Return whether a label with this value meets the condition; "" is one that is missing."""
        if self.operator in ("=", "!="):
            return (text == self.value) is (self.operator == "=")
        return bool(compiled(self.value).search(text)) is (self.operator == "=~")

    def __str__(self) -> str:
        return f"{written(self.name)}{self.operator}{quoted(self.value)}"


def exists(name: str) -> Matcher:
    """Return the matcher for alerts that have a label."""
    return Matcher(name, "!=", "")


def parse_matcher(text: str) -> Matcher:
    """Read one matcher; a value without quotes extends to the end, also over commas.

    It is what Alertmanager's API accepts as `filter`. Raises InvalidInput.
    """
    if text.startswith("{") or text.endswith("}"):
        raise _not_a_matcher(text)
    [matcher] = _first(text, (_classic, lambda text: _newer(text, one=True)))
    return matcher


def parse_matchers(text: str, reserved: Collection[str] = ()) -> tuple[Matcher, ...]:
    """Read a list as in Alertmanager's configuration: `{a="b",c=~"d|e"}`, the braces optional.

    Names in `reserved` must be in quotes. Raises InvalidInput.
    """
    return _first(text, (_classic_list, _newer), reserved)


def parse_name(text: str) -> str:
    """Read a name as the newer grammar does; raises InvalidInput."""
    name = _unquoted(text) if _NAME.fullmatch(text) else None
    if not name:
        raise _not_a_matcher(text)
    return name


def written(name: str) -> str:
    """Write a label's name, in quotes if it needs them or looks like a key of a filter line."""
    slipped = name == "age" or slip_of(name, SLIPPED)
    return name if _UNQUOTED.fullmatch(name) and not slipped else quoted(name)


def label_text(name: str, value: str) -> str:
    """Write a label as the matcher that finds it, without quotes that it does not need."""
    return f"{written(name)}={value if SHORT.fullmatch(value) else quoted(value)}"


def quoted(text: str) -> str:
    r"""Write a string so that both grammars read it as the same: `"a\\b\"c\nd"`."""
    escaped = text.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
    return f'"{escaped}"'


class _Read(NamedTuple):
    name: str
    operator: str
    value: str
    quoted: bool = False  # the name


_Reader = Callable[[str], Sequence[_Read] | None]


def _first(
    text: str, grammars: Sequence[_Reader], reserved: Collection[str] = ()
) -> tuple[Matcher, ...]:
    """Return what the first grammar that accepts the text makes of it.

    A regular expression that is invalid in one may be valid in the other.
    """
    problem = _not_a_matcher(text)
    for read in grammars:
        found = read(text)
        if found is None:
            continue
        limits.check_words(len(found))
        for name in (each.name for each in found if each.name in reserved and not each.quoted):
            raise InvalidInput(
                f'"{name}" in braces would be a label: write {name} outside of the braces, or '
                f'"{name}"="…", in quotes, for the label'
            )
        try:
            return tuple(Matcher(each.name, each.operator, each.value) for each in found)
        except InvalidInput as error:
            problem = error
    raise problem


def _classic(text: str) -> list[_Read] | None:
    found = _CLASSIC.fullmatch(text)
    value = found and _CLASSIC_VALUE.fullmatch(found[3].strip(_BLANKS))
    if not found or not value or not _is_unicode(text):
        return None
    raw = value[2] if value[1] is None else value[1]
    meant = re.sub(
        r"\\(.)", lambda each: _CLASSIC_ESCAPES.get(each[1], each[0]), raw, flags=re.DOTALL
    )
    return [_Read(found[1], found[2], meant)]


def _classic_list(text: str) -> list[_Read] | None:
    found = []
    for piece in _pieces(text.removeprefix("{").removesuffix("}")):
        read = _classic(piece)
        if read is None:
            return None
        found += read
    return found


def _pieces(text: str) -> list[str]:
    """Split at the commas outside of quotes, exactly as Alertmanager does."""
    pieces, start = [], 0
    inside = escaped = False
    for at, character in enumerate(text):
        if character == ",":
            if not inside:
                pieces.append(text[start:at])
                start = at + 1
        elif character == '"':
            if not escaped:
                inside = not inside
            escaped = False
        else:
            escaped = character == "\\" and not escaped
    last = text[start:].strip(SPACE)
    return [*pieces, last] if last else pieces


def _newer(text: str, *, one: bool = False) -> list[_Read] | None:
    stripped = text.strip(SPACE)
    if stripped.startswith("{") != stripped.endswith("}"):
        return None
    body = stripped[1:-1].strip(SPACE) if stripped.startswith("{") else stripped
    found, position = [], 0
    while position < len(body):
        item = _NEWER.match(body, position)
        name, value = (_unquoted(item[1]), _unquoted(item[3])) if item else (None, None)
        if not item or name is None or value is None:
            return None
        found.append(_Read(name, item[2], value, quoted=item[1].startswith('"')))
        position = item.end()
    return None if one and len(found) != 1 else found


def _unquoted(term: str) -> str | None:
    """Return the string that a Go literal means, or a term without quotes; None if invalid."""
    if not _is_unicode(term):
        return None
    if not term.startswith('"'):
        return term
    literal = term.encode()
    if not _GO_STRING.fullmatch(literal):
        return None
    try:
        return re.sub(_GO_ESCAPE, _character, literal[1:-1]).decode()
    except ValueError:
        return None


def _character(escape: re.Match[bytes]) -> bytes:
    """Return the bytes of a Go escape; raises ValueError if it is no character."""
    letter, byte, octal, *points = escape.groups()
    if letter:
        return bytes([_GO_ESCAPES[letter[0]]])
    if byte or octal:
        return bytes([int(byte, 16) if byte else int(octal, 8)])
    [point] = filter(None, points)
    if not re.fullmatch(b"[0-9a-fA-F]+", point):
        raise ValueError(point)
    return chr(int(point, 16)).encode()


def _is_unicode(text: str) -> bool:
    """Return whether a string can be written as UTF-8: half a surrogate pair cannot."""
    return not re.search("[\ud800-\udfff]", text)


def _not_a_matcher(text: str) -> InvalidInput:
    return InvalidInput(f'"{text[:80]}" is not a matcher: write {FORMS_OF_A_MATCHER}')
