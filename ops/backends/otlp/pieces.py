"""Cut large TracesData into pieces that can be parsed one after the other.

Parsing a message keeps the interpreter from every other thread until it is done, and so from the
event loop: 0.4 s for 100 MB. Between two pieces the others get their turn. Pieces are TracesData
too, because repeated fields are just written one after the other:

    TracesData       [ResourceSpans][ResourceSpans][ResourceSpans                           ]
    ResourceSpans                                  [resource][ScopeSpans                    ]
    ScopeSpans                                               [scope][span][span][span][span]

    piece 1          [ResourceSpans][ResourceSpans]
    piece 2          [[resource][[scope][span][span]]]       a large one is cut inside
    piece 3          [[resource][[scope][span][span]]]
"""

from collections.abc import Iterator

from google.protobuf.message import DecodeError

from ops.backends.otlp.wire_format import fields, nested

PIECE = 500_000  # bytes
# Numbers of fields from TracesData inwards: resource_spans, scope_spans, spans
_PATH = 1, 2, 2


def pieces(message: bytes) -> Iterator[tuple[bytes, int]]:
    """Yield pieces of about half a megabyte, each with the place in the message where it ends.

    A span is never cut. Raises DecodeError if the message is cut short.
    """
    if len(message) <= PIECE:
        yield message, len(message)
        return
    try:
        yield from _cut(message, 0, len(message), _PATH)
    except (IndexError, ValueError) as error:
        raise DecodeError("a message is cut short") from error


def _cut(
    message: bytes, start: int, end: int, path: tuple[int, ...]
) -> Iterator[tuple[bytes, int]]:
    """Cut what is between two places at its fields with the first number of a path.

    Every piece has the other fields too, such as the resource.
    """
    wanted, *inner = path
    others, place = b"", start
    parts: list[tuple[int, int]] = []
    for number, _, stop in fields(message, start, end):
        if number != wanted:
            others += message[place:stop]
        elif parts and place == parts[-1][1] and stop - parts[-1][0] <= PIECE:
            parts[-1] = parts[-1][0], stop
        else:
            parts.append((place, stop))
        place = stop
    if len(others) > PIECE:  # many pieces with that would be too large
        parts, others, inner = [(start, end)], b"", []
    for begin, stop in parts:
        if inner and stop - begin > PIECE:  # a single field
            _, content, _ = next(fields(message, begin, stop))
            for piece, until in _cut(message, content, stop, tuple(inner)):
                yield others + nested(wanted, piece), until
        else:
            yield others + message[begin:stop], stop
