"""Span IDs as 64-bit numbers, which numpy sorts and compares; as texts if a trace has others.

    all IDs have 8 bytes    number = the ID           text = its 16 hex digits
    any has another length  number = its rank among   text = the known text with that rank
                            all texts, "" is 0

In both cases numbers sort like the texts, and 0 as a parent means that there is none.

IDs of 8 bytes are read as a message has them, in a third of the time that an object of each takes:

    12 08 b8cafd93270fcc03   12 08 07c20901e3d0533c   12 08 ...
    │  │  └─ ID
    │  └─ length 8
    └─ tag: number 2 << 3 | wire type 2
"""

from collections.abc import Callable, Sequence

import numpy as np

from ops.backends.otlp.wire_format import NESTED
from ops.vocabulary.columns import Numbers

_BYTES = 8
ENCODED = np.dtype([("head", "<u2"), ("id", ">u8")])  # tag and length, then the ID


def as_numbers(column: Sequence[bytes], field: int, encoded: bytes) -> Numbers | list[bytes]:
    """Return IDs as numbers, 0 for none, or unchanged if any has an unusual length.

    `encoded` is the column as a message has it, under the number of its field.
    """
    if len(encoded) == len(column) * ENCODED.itemsize:
        found = np.frombuffer(encoded, ENCODED)
        if (found["head"] == (_BYTES << 8 | field << 3 | NESTED)).all():
            return found["id"].astype(np.uint64)
    ids = list(column)
    lengths = set(map(len, ids))
    if not lengths <= {0, _BYTES}:
        return ids
    # OTLP's IDs are big-endian, so that numbers sort like their hex digits.
    joined = b"".join([each or bytes(_BYTES) for each in ids] if 0 in lengths else ids)
    return np.frombuffer(joined, ">u8").astype(np.uint64)


def number_ids(
    ids: Sequence[Numbers | list[bytes]], parent_ids: Sequence[Numbers | list[bytes]]
) -> tuple[Numbers, Numbers, Callable[[int], str], Callable[[int], str]]:
    """Return numbers for the IDs, which sort like them, and functions from number to ID.

    The IDs come in pieces.
    """
    usual = [[part for part in each if isinstance(part, np.ndarray)] for each in (ids, parent_ids)]
    if len(usual[0]) + len(usual[1]) == len(ids) + len(parent_ids):
        return np.concatenate(usual[0]), np.concatenate(usual[1]), _TEXT, _parent_text
    texts = _texts(ids, _TEXT, _id)
    parent_texts = _texts(parent_ids, _parent_text, _parent_id)
    known = sorted({"", *texts, *parent_texts})
    numbers = {text: number for number, text in enumerate(known)}
    found = [
        np.array([numbers[text] for text in each], np.uint64) for each in (texts, parent_texts)
    ]
    return found[0], found[1], known.__getitem__, known.__getitem__


def _texts(
    ids: Sequence[Numbers | list[bytes]],
    of_number: Callable[[int], str],
    of_bytes: Callable[[bytes], str],
) -> list[str]:
    return [
        text
        for part in ids
        for text in (
            map(of_number, part.tolist()) if isinstance(part, np.ndarray) else map(of_bytes, part)
        )
    ]


_TEXT: Callable[[int], str] = f"%0{2 * _BYTES}x".__mod__


def _parent_text(number: int) -> str:
    return _TEXT(number) if number else ""


def _id(number: bytes) -> str:
    return number.hex().zfill(2 * _BYTES)


def _parent_id(number: bytes) -> str:
    """Return a parent's ID, "" if there is none."""
    return _id(number) if number.strip(b"\0") else ""
