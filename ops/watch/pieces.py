"""Read JSON as an object of a type, item by item.

One call that reads 10,000 alerts keeps the interpreter for 50 ms, and everything else in the
process waits, in whatever thread it happens.
"""

from collections.abc import Mapping
from dataclasses import is_dataclass
from functools import cache
from types import NoneType, UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

import msgspec
from msgspec import Raw


def read(text: bytes | Raw, kind: Any) -> Any:
    """Return what JSON says as an object of this type; raises msgspec.DecodeError."""
    origin = get_origin(kind) or kind
    arguments = get_args(kind)
    if origin in (Union, UnionType) and bytes(text) != b"null":
        (other,) = (each for each in arguments if each is not NoneType)
        return read(text, other)
    if origin is Mapping:
        found = msgspec.json.decode(text, type=dict[str, Raw])
        return {name: read(each, arguments[1]) for name, each in found.items()}
    if origin is tuple and arguments[-1] is Ellipsis:
        decoder = msgspec.json.Decoder(arguments[0])
        return tuple([decoder.decode(each) for each in msgspec.json.decode(text, type=list[Raw])])
    if is_dataclass(origin):
        make: Any = origin
        types = types_of(kind)
        found = msgspec.json.decode(text, type=dict[str, Raw])
        try:
            return make(**{k: read(each, types[k]) for k, each in found.items() if k in types})
        except TypeError as error:  # a field is missing: an older release wrote it
            raise msgspec.DecodeError(str(error)) from None
    return msgspec.json.decode(text, type=kind)


@cache
def types_of(kind: Any) -> Mapping[str, Any]:
    """Return the types of a dataclass's fields; of a generic one, `kind` says its parameter's."""
    hints = get_type_hints(get_origin(kind) or kind)
    given = get_args(kind)
    return {
        name: hint[given] if given and getattr(hint, "__parameters__", ()) else hint
        for name, hint in hints.items()
    }
