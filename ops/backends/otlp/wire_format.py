"""Protobuf's wire format, just enough to find where a nested field is in a message.

https://protobuf.dev/programming-guides/encoding/ describes it: a field is its number and wire
type, then, for everything nested, a length and that many bytes.

    12          8c 01              0a 10 ...
    │           │                  └─ 140 bytes: the field's content, a message itself
    │           └─ length 140 as a varint: seven bits a byte, the lowest first, 80 = more follow
    └─ tag: number 2 << 3 | wire type 2
"""

from collections.abc import Iterator

_VARINT, _EIGHT_BYTES, NESTED, _FOUR_BYTES = 0, 1, 2, 5


def fields(message: bytes, position: int, end: int) -> Iterator[tuple[int, int, int]]:
    """Yield number, start and end of each nested field between two positions.

    Raises IndexError or ValueError if a message is truncated or invalid.
    """
    while position < end:
        tag = message[position]
        if tag < 0x80:  # most are, and a call takes longer than everything else here
            position += 1
        else:
            tag, position = _number(message, position)
        kind = tag & 7
        if kind == NESTED:
            # Lengths of one and two bytes are read here: spans and their parts have hardly others.
            length = message[position]
            if length < 0x80:
                position += 1
            elif message[position + 1] < 0x80:
                length += (message[position + 1] - 1) << 7
                position += 2
            else:
                length, position = _number(message, position)
            yield tag >> 3, position, position + length
            position += length
        elif kind == _VARINT:
            _, position = _number(message, position)
        elif kind in (_EIGHT_BYTES, _FOUR_BYTES):
            position += 8 if kind == _EIGHT_BYTES else 4
        else:
            raise ValueError(f"there is no wire type {kind}")
    if position > end:
        raise ValueError("a field is longer than the message around it")


def nested(number: int, content: bytes) -> bytes:
    """Return a nested field."""
    return _varint(number << 3 | NESTED) + _varint(len(content)) + content


def _varint(number: int) -> bytes:
    low = bytearray()
    while number > 0x7F:
        low.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes((*low, number))


def _number(message: bytes, position: int) -> tuple[int, int]:
    """Read a varint; return it and the position after it."""
    byte = message[position]
    if byte < 0x80:
        return byte, position + 1
    number, shift = byte & 0x7F, 7
    while True:
        position += 1
        byte = message[position]
        number |= (byte & 0x7F) << shift
        if byte < 0x80:
            return number, position + 1
        shift += 7
