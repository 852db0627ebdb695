"""The waterfall of a trace: its first rows as markup, and all of them as columns for the script.

The columns are little-endian arrays after a JSON header, as waterfall/columns.js reads them:
the header's length in 4 bytes; the header, padded so that the columns start at a multiple of 8;
then each column, padded the same way. For each column the header has its type ("f8", "u4", "i4",
"u1"), its offset after the header in bytes, and its number of entries.
"""

import gzip
import json
from collections.abc import Iterable, Mapping
from html import escape

import numpy as np
from django.utils.safestring import SafeString, mark_safe

from ops.traces.rows import SpanRows
from ops.traces.trace import Trace
from ops.vocabulary.columns import Numbers
from ops.vocabulary.timerange import format_duration
from opsportal.dashboard import charts, words

ALIGNED = "align=1"  # in an address: align clocks that differ
DEEPEST = 30  # indents stop here
LONGEST_SERVICE, LONGEST_OPERATION = 60, 160
FAILING, MISSING, WARNED, LOGGED, LINKED, ENDLESS, UNTIMED = 1, 2, 4, 8, 16, 32, 64


def columns(trace: Trace) -> bytes:
    """Return all rows, gzipped; times are nanoseconds after the trace's start."""
    rows, spans = trace.rows, trace.spans
    starts = rows.column(spans.starts, trace.start)
    services, operations = _name_numbers(trace)
    path = sorted(trace.timing.path, key=lambda part: (part.row, part.start))
    found: dict[str, Numbers] = {
        "starts": (starts - np.uint64(trace.start)).astype("<f8"),
        "durations": (rows.column(spans.ends, trace.start) - starts).astype("<f8"),
        "parents": np.asarray(rows.parents, "<i4"),
        "services": services,
        "operations": operations,
        "flags": _flags(rows),
        "path_rows": np.array([part.row for part in path], "<u4"),
        "path_starts": np.array([part.start - trace.start for part in path], "<f8"),
        "path_ends": np.array([part.end - trace.start for part in path], "<f8"),
    }
    header = {
        "rows": len(rows),
        "start": str(trace.start),
        "duration": trace.duration,
        "services": [words.name(name, LONGEST_SERVICE) for name in trace.services],
        "operations": [words.name(name, LONGEST_OPERATION) for name in trace.operations],
    }
    return gzip.compress(_packed(header, found), compresslevel=1)


def _name_numbers(trace: Trace) -> tuple[Numbers, Numbers]:
    """Return for each row which of the trace's services and operations it has."""
    services = {name: number for number, name in enumerate(trace.services)}
    operations = {name: number for number, name in enumerate(trace.operations)}
    names = trace.spans.names
    pairs = trace.rows.column(names.numbers, names.numbers[0])
    distinct, places = np.unique(pairs, return_inverse=True)
    known = [names.value(number) for number in distinct.tolist()]
    return (
        np.array([services[service] for service, _ in known], "<u4")[places],
        np.array([operations[operation] for _, operation in known], "<u4")[places],
    )


def _packed(header: dict[str, object], found: Mapping[str, Numbers]) -> bytes:
    placed, parts, place = {}, [], 0
    for name, column in found.items():
        placed[name] = (column.dtype.str[1:], place, len(column))
        parts.append(_filled(column.tobytes()))
        place += len(parts[-1])
    text = json.dumps({**header, "columns": placed}, ensure_ascii=False).encode()
    text += b" " * (-(len(text) + 4) % 8)
    return b"".join((len(text).to_bytes(4, "little"), text, *parts))


def _filled(content: bytes) -> bytes:
    return content + b"\0" * (-len(content) % 8)


def _flags(rows: SpanRows) -> Numbers:
    spans = rows.spans
    flags = rows.column(np.zeros(len(spans), "u1"), MISSING)
    flags[rows.column(spans.events, 0) > 0] |= LOGGED
    for flag, numbers in (
        (FAILING, spans.failing),
        (WARNED, spans.warnings.keys()),
        (LINKED, spans.linked),
        (ENDLESS, spans.endless),
        (UNTIMED, spans.untimed),
    ):
        flags[rows.among(numbers)] |= flag
    return flags


def lines(trace: Trace, first: int, last: int) -> SafeString:
    """Draw the rows from `first` up to but excluding `last`, as the script draws them.

    This does not use templates, which take five times as long: a page has hundreds of rows.
    """
    colours = charts.colours(trace.services)
    critical = _critical(trace, first, last)
    names: dict[tuple[str, str], str] = {}
    found = []
    for row in range(first, last):
        if name := trace.rows.name(row):
            if name not in names:
                names[name] = _named(*name)
            classes = f"span s{colours[name[0]]}"
            inside = _inside(trace, row, names[name], critical.get(row, ()))
        else:
            classes, inside = "span missing", _missing(trace, row)
        indent = min(trace.rows.depths[row], DEEPEST)
        key = escape(trace.rows.key(row))
        found.append(f'<div class="{classes} i{indent}" id="span-{key}">{inside}</div>')
    return mark_safe("".join(found))  # noqa: S308 - names and ids are escaped, the rest is ours


def address(trace: Trace, row: int) -> str:
    """Return the address of a row, relative to its trace's page; it keeps the alignment."""
    key = trace.rows.key(row)
    return f"?{ALIGNED}&span={key}#span-{key}" if trace.aligned else f"?span={key}#span-{key}"


def _inside(trace: Trace, row: int, named: str, critical: Iterable[tuple[str, str]]) -> str:
    rows = trace.rows
    duration = rows.duration(row)
    bar = charts.bar(rows.start(row) - trace.start, duration, trace.duration)
    failed = _FAILING_MARK if rows.has_failed(row) else ""
    chips = "".join(f' <span class="chip warn">{each}</span>' for each in _chips(rows, row))
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


def _chips(rows: SpanRows, row: int) -> Iterable[str]:
    """Return the chips of a row, the same as in row.js."""
    if rows.has_warnings(row):
        yield "warning"
    if rows.is_endless(row):
        yield "no end"
    if rows.is_untimed(row):
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
            place = charts.stretch(part.start - trace.start, part.end - part.start, trace.duration)
            found.setdefault(part.row, []).append(place)
    return found
