"""The waterfall of a trace: its first rows as markup, and all of them as columns for the script.

The columns are little-endian arrays after a JSON header, as waterfall/columns.js reads them:
the header's length in 4 bytes; the header, padded so that the columns start at a multiple of 8;
then each column, padded the same way. For each column the header has its type ("f8", "u4", "i4",
"u1"), its offset after the header in bytes, and its number of entries.
"""

import gzip
import json
import sys
from array import array
from collections.abc import Iterable, Mapping
from html import escape
from typing import Any

from django.utils.safestring import SafeString, mark_safe

from ops.traces.trace import SpanRows, Trace
from ops.vocabulary.spans import Spans
from ops.vocabulary.timerange import format_duration
from opsportal.dashboard import drawing, words

ALIGNED = "align=1"  # in an address: align clocks that differ
DEEPEST = 30  # indents stop here
LONGEST_SERVICE, LONGEST_OPERATION = 60, 160
FAILING, MISSING, WARNED, LOGGED, LINKED, ENDLESS, UNTIMED = 1, 2, 4, 8, 16, 32, 64
_TYPES = {"d": "f8", "I": "u4", "i": "i4", "B": "u1"}


def columns(trace: Trace) -> bytes:
    """Return all rows, gzipped; times are nanoseconds after the trace's start."""
    rows, spans = trace.rows, trace.rows.spans
    services = {name: index for index, name in enumerate(trace.services)}
    operations = {name: index for index, name in enumerate(trace.operations)}
    path = sorted(trace.timing.path, key=lambda part: (part.row, part.start))
    present = [number if number < len(spans) else -1 for number in rows.numbers]
    found: dict[str, array[Any]] = {
        "starts": array("d", (spans.starts[n] - trace.start if n >= 0 else 0 for n in present)),
        "durations": array(
            "d", (spans.ends[n] - spans.starts[n] if n >= 0 else 0 for n in present)
        ),
        "parents": array("i", rows.parents),
        "services": array("I", (services[spans.names[n][0]] if n >= 0 else 0 for n in present)),
        "operations": array("I", (operations[spans.names[n][1]] if n >= 0 else 0 for n in present)),
        "flags": array("B", _flags(rows)),
        "path_rows": array("I", (part.row for part in path)),
        "path_starts": array("d", (part.start - trace.start for part in path)),
        "path_ends": array("d", (part.end - trace.start for part in path)),
    }
    header = {
        "rows": len(rows),
        "start": str(trace.start),
        "duration": trace.duration,
        "services": [words.name(name, LONGEST_SERVICE) for name in trace.services],
        "operations": [words.name(name, LONGEST_OPERATION) for name in trace.operations],
    }
    return gzip.compress(_packed(header, found), compresslevel=1)


def _packed(header: dict[str, object], found: Mapping[str, "array[Any]"]) -> bytes:
    placed, parts, place = {}, [], 0
    for name, column in found.items():
        if sys.byteorder == "big":
            column.byteswap()
        placed[name] = (_TYPES[column.typecode], place, len(column))
        parts.append(_filled(column.tobytes()))
        place += len(parts[-1])
    text = json.dumps({**header, "columns": placed}, ensure_ascii=False).encode()
    text += b" " * (-(len(text) + 4) % 8)
    return b"".join((len(text).to_bytes(4, "little"), text, *parts))


def _filled(content: bytes) -> bytes:
    return content + b"\0" * (-len(content) % 8)


def _flags(rows: SpanRows) -> Iterable[int]:
    spans, count = rows.spans, len(rows.spans)
    failing, linked, endless, warned = spans.failing, spans.linked, spans.endless, spans.warnings
    untimed = spans.untimed
    for number in rows.numbers:
        if number >= count:
            yield MISSING
            continue
        yield (
            (FAILING if number in failing else 0)
            | (WARNED if number in warned else 0)
            | (LOGGED if spans.events[number] else 0)
            | (LINKED if number in linked else 0)
            | (ENDLESS if number in endless else 0)
            | (UNTIMED if number in untimed else 0)
        )


def lines(trace: Trace, first: int, last: int) -> SafeString:
    """Draw the rows from `first` up to but excluding `last`, as the script draws them.

    This does not use templates, which take five times as long: a page has hundreds of rows.
    """
    colours = drawing.colours(trace.services)
    critical = _critical(trace, first, last)
    names: dict[tuple[str, str], str] = {}
    found = []
    for row in range(first, last):
        number = trace.rows.span(row)
        if number is None:
            classes, inside = "span missing", _missing(trace, row)
        else:
            name = trace.rows.spans.names[number]
            if name not in names:
                names[name] = _named(*name)
            classes = f"span s{colours[name[0]]}"
            inside = _inside(trace, row, number, names[name], critical.get(row, ()))
        indent = min(trace.rows.depths[row], DEEPEST)
        key = escape(trace.rows.key(row))
        found.append(f'<div class="{classes} i{indent}" id="span-{key}">{inside}</div>')
    return mark_safe("".join(found))  # noqa: S308 - names and ids are escaped, the rest is ours


def address(trace: Trace, row: int) -> str:
    """Return the address of a row, relative to its trace's page; it keeps the alignment."""
    key = trace.rows.key(row)
    return f"?{ALIGNED}&span={key}#span-{key}" if trace.aligned else f"?span={key}#span-{key}"


def _inside(
    trace: Trace, row: int, number: int, named: str, critical: Iterable[tuple[str, str]]
) -> str:
    spans = trace.rows.spans
    duration = spans.ends[number] - spans.starts[number]
    bar = drawing.bar(spans.starts[number] - trace.start, duration, trace.duration)
    failed = _FAILING_MARK if number in spans.failing else ""
    chips = "".join(f' <span class="chip warn">{each}</span>' for each in _chips(spans, number))
    took = format_duration(duration)
    shift = "-6" if bar.side == "before" else "6"
    under = "".join(
        f'<rect class="critical" x="{x}%" y="17" width="{width}%" height="2"/>'
        for x, width in critical
    )
    return (
        f'<a class="name" href="{escape(address(trace, row))}">'
        f'<span class="what">{failed}{named}{chips}</span></a>'
        f'<span class="visually-hidden">took {took}</span>'
        '<svg class="lane" width="100%" height="20" aria-hidden="true">'
        f'<rect x="{bar.x}%" y="1" width="{bar.width}%" height="14" rx="2"/>'
        f'<text class="{bar.side}" x="{bar.label_x}%" y="12" dx="{shift}">{took}</text>{under}'
        "</svg>"
    )


def _named(service: str, operation: str) -> str:
    return (
        f'<span class="muted"><bdi>{escape(words.name(service, LONGEST_SERVICE))}</bdi></span> '
        f"<bdi>{escape(words.name(operation, LONGEST_OPERATION))}</bdi>"
    )


def _chips(spans: Spans, number: int) -> Iterable[str]:
    """Return the chips of a row, the same as in row.js."""
    if number in spans.warnings:
        yield "warning"
    if number in spans.endless:
        yield "no end"
    if number in spans.untimed:
        yield "no time"


_FAILING_MARK = '<span class="mark error">▲<span class="visually-hidden"> failed:</span></span> '


def _missing(trace: Trace, row: int) -> str:
    return (
        '<span class="name"><span class="what"><span class="mark" aria-hidden="true">▲</span> '
        f"parent <code>{escape(trace.rows.span_id(row))}</code> is missing</span></span>"
    )


def _critical(trace: Trace, first: int, last: int) -> dict[int, list[tuple[str, str]]]:
    """Return the critical path's stretches in each row: x and width in percent."""
    found: dict[int, list[tuple[str, str]]] = {}
    for part in trace.timing.path:
        if first <= part.row < last:
            place = drawing.stretch(part.start - trace.start, part.end - part.start, trace.duration)
            found.setdefault(part.row, []).append(place)
    return found
