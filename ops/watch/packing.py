"""Pictures as compressed JSON in parts, so that what stays the same is packed and read once.

The long fields of an answer, such as 10,000 rules, are parts of their own: `rules prometheus-a`.
The part "" is the picture without these.
"""

import zlib
from collections.abc import Mapping
from dataclasses import fields, is_dataclass, replace
from typing import TYPE_CHECKING, Any

import msgspec

from ops.watch import pieces

if TYPE_CHECKING:
    from ops.watch.picture import Picture

LONG = 100  # items
SLICE = 1_000  # items that are written at a time, because nothing else runs meanwhile


class Packing:
    """Packs, or unpacks, the pictures of one subject of a site, one after the other."""

    def __init__(self) -> None:
        self._parts: dict[str, tuple[Any, bytes]] = {}  # those of the last picture

    def pack(self, picture: "Picture[Any]") -> bytes:
        """Return what `unpack` reads."""
        parts, sources = {}, {}
        for source, each in picture.sources.items():
            long = _long_fields(each.answer)
            for name, items in long.items():
                key = f"{name} {source}"
                known, packed = self._parts.get(key, (None, b""))
                parts[key] = (items, packed if known is items else _packed(items))
            answer: Any = each.answer
            short = replace(answer, **dict.fromkeys(long, ())) if long else answer
            sources[source] = replace(each, answer=short)
        self._parts = parts
        whole = zlib.compress(msgspec.json.encode(replace(picture, sources=sources)), level=1)
        return msgspec.msgpack.encode({"": whole} | {key: part[1] for key, part in parts.items()})

    def unpack(self, body: bytes, picture: Any, answer: Any) -> Any:
        """Return a picture, given its type and its answers'; raises DecodeError or zlib.error."""
        packed = msgspec.msgpack.decode(body, type=dict[str, bytes])
        found: Picture[Any] = pieces.read(zlib.decompress(packed.pop("", b"")), picture)
        parts, sources = {}, {**found.sources}
        for key, data in packed.items():
            name, _, source = key.partition(" ")
            items, known = self._parts.get(key, (None, b""))
            if data != known:
                items = pieces.read(zlib.decompress(data), pieces.types_of(answer)[name])
            parts[key] = (items, data)
            short: Any = sources[source].answer
            sources[source] = replace(sources[source], answer=replace(short, **{name: items}))
        self._parts = parts
        return replace(found, sources=sources)


def _long_fields(answer: Any) -> Mapping[str, Any]:
    if not is_dataclass(answer):
        return {}
    found = {each.name: getattr(answer, each.name) for each in fields(answer)}
    return {
        k: items for k, items in found.items() if isinstance(items, tuple) and len(items) > LONG
    }


def _packed(items: tuple[Any, ...]) -> bytes:
    slices = (items[first : first + SLICE] for first in range(0, len(items), SLICE))
    text = b",".join([msgspec.json.encode(each)[1:-1] for each in slices])
    return zlib.compress(b"[" + text + b"]", level=1)
