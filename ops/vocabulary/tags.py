"""Tags as Jaeger has them: the string a value is compared by, and the tags that it derives.

Jaeger is written in Go and compares a searched tag with the string form of a value: pdata's
`Value.AsString`, which writes numbers as ES6 does and everything else as `encoding/json`.
"""

import json
import math
import re
from base64 import b64encode
from collections.abc import Iterator
from decimal import Decimal

from ops.vocabulary.spans import Span, Value

ERROR = "error"
STATUS_CODE = "otel.status_code"
STATUS_DESCRIPTION = "otel.status_description"
SCOPE_NAME = "otel.scope.name"
SCOPE_VERSION = "otel.scope.version"
TRACE_STATE = "w3c.tracestate"
KIND = "span.kind"
EVENT = "event"  # the log field that holds an event's name
TRUE = ("true", "1", "t")  # what a search for the tag `error` can give for yes, and for no
FALSE = ("false", "0", "f")
STATUS = "span.status"
SCOPE, SCOPE_RELEASE = "scope.name", "scope.version"
WORDS = (ERROR, KIND, STATUS, SCOPE, SCOPE_RELEASE)
RESOURCE = "resource."  # the prefix of keys that are searched in the resource only
LONGEST_INDEXED = 256  # characters: Elasticsearch does not index longer values
_ESCAPED = re.compile("[<>&\u2028\u2029]")


def is_word(key: str) -> bool:
    """Return whether a search gives this key a special meaning, from Jaeger 2.17 on."""
    return key in WORDS or key.startswith(RESOURCE)


def says_failed(key: str, value: Value) -> bool:
    """Return whether an attribute says that its span failed, whatever the span's status is.

    A span failed if its status is ERROR or one of its attributes says so. That is the same for
    both APIs of Jaeger: api_v2 has the status as these very tags. An `error` with a text other
    than "true" is a message.
    """
    if key == ERROR:
        return value is True or (isinstance(value, str) and value.lower() == "true")
    return key == STATUS_CODE and isinstance(value, str) and value.upper() == "ERROR"


def compared(value: Value) -> str:
    """Return the string that Jaeger compares a value by."""
    if isinstance(value, str):
        return value
    if isinstance(value, bytes):
        return b64encode(value).decode()
    if isinstance(value, float):
        return _number(value) if math.isfinite(value) else f"json: unsupported value: {_odd(value)}"
    if value is None:
        return ""
    try:
        text = "".join(_json(value))
    except ValueError:
        return ""  # like Go, for values it cannot write, such as a list with NaN in it
    return _ESCAPED.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def shown(value: Value) -> str:
    """Write a value for display: as it is compared, unless that would be unreadable."""
    if isinstance(value, float) and not math.isfinite(value):
        return _odd(value)
    if isinstance(value, list | dict):
        return "".join(_json(value, strict=False))
    return "null" if value is None else compared(value)


def searched(span: Span, key: str, value: Value, tag_values: str) -> str | None:
    """Return the string by which a search for a tag finds this span, None if none would.

    `tag_values` is the site file's: "regex" means Elasticsearch, which writes bytes in its own
    way, and cannot store numbers that JSON lacks.
    """
    indexed = tag_values == "regex"
    text = value.hex() if indexed and isinstance(value, bytes) else compared(value)
    if not key or (indexed and (value is None or len(text) > LONGEST_INDEXED)):
        return None
    if indexed and isinstance(value, float) and not math.isfinite(value):
        return None
    if key == ERROR:
        # Every release finds a status; not every one finds an attribute that says the same.
        found = span.status == "error" if text.lower() in TRUE else text.lower() not in FALSE
    elif key == KIND:
        found = bool(span.kind) and text.lower() == span.kind
    else:
        found = not is_word(key)
    return text if found else None


def _number(number: float) -> str:
    if number and not 1e-6 <= abs(number) < 1e21:
        return repr(number).replace("e-0", "e-")
    return format(Decimal(repr(number)), "f").removesuffix(".0")


def _odd(number: float) -> str:
    """Write NaN or an infinity as Go does."""
    return "NaN" if math.isnan(number) else "+Inf" if number > 0 else "-Inf"


def _json(value: Value, *, strict: bool = True) -> Iterator[str]:
    """Write a value as Go's encoding/json does; raises ValueError for NaN.

    If not `strict`, write it for display: with spaces, and NaN by its name.
    """
    comma, colon = (",", ":") if strict else (", ", ": ")
    if isinstance(value, dict):
        yield "{"
        for number, key in enumerate(sorted(value)):
            yield f"{comma if number else ''}{_quoted(key)}{colon}"
            yield from _json(value[key], strict=strict)
        yield "}"
    elif isinstance(value, list):
        yield "["
        for number, item in enumerate(value):
            yield comma if number else ""
            yield from _json(item, strict=strict)
        yield "]"
    elif isinstance(value, bytes):
        yield _quoted(b64encode(value).decode()) if value else "null"
    elif isinstance(value, float):
        if strict and not math.isfinite(value):
            raise ValueError("JSON has no such number")
        yield _number(value) if math.isfinite(value) else _odd(value)
    elif isinstance(value, str):
        yield _quoted(value)
    elif isinstance(value, bool):
        yield "true" if value else "false"
    else:
        yield "null" if value is None else str(value)


_quoted = json.JSONEncoder(ensure_ascii=False).encode
