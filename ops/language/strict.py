"""Lines that are strict already, which nothing reads in any other way.

Doors look here first: it needs no names but those of the site file.
"""

import re
from collections.abc import Collection

from ops.errors import InvalidInput
from ops.language.alert_words import kind_of, meaning_of
from ops.language.keys import is_of_another_tool
from ops.language.names import Names
from ops.language.reading import Reading
from ops.vocabulary.alert_filters import STATES, UNLISTED, AlertFilter, parse_filter
from ops.vocabulary.alerts import MILD, SEVERITIES
from ops.vocabulary.filters import TraceQuery, parse_query
from ops.vocabulary.quoting import in_quotes, quote
from ops.vocabulary.tag_words import KEYS

_LEADING = re.compile(r'([^\s="]+)(?: +(.*))?', re.DOTALL)


def exact_traces(
    text: str, services: Collection[str], sites: Collection[str] = ()
) -> Reading | None:
    """Return the reading of a line that is strict already, None if it has to be read.

    `services` and `sites` are those that are known; another service may be misspelt. The first
    word may be a service.
    """
    line, query = strict_traces(text, services, sites)
    known = query and (not query.service or query.service in services)
    return Reading(line, exact=True) if known else None


def strict_traces(
    text: str, services: Collection[str], sites: Collection[str]
) -> tuple[str, TraceQuery | None]:
    """Return a text as a strict line, and its query if it is one and no other tool's."""
    line = text.strip()
    leading = _LEADING.fullmatch(line)
    if leading and leading[1] in services and leading[1] not in KEYS:
        line = f"service={quote(leading[1])} {leading[2] or ''}".rstrip()
    try:
        query = parse_query(line)
    except InvalidInput:
        return line, None
    tags = (*query.tags, *((each.key, each.value) for each in query.conditions if each.is_tag))
    foreign = (key for key, value in tags if is_of_another_tool(key, value, sites))
    if any(in_quotes(key) not in line for key in foreign):
        return line, None
    return line, query


def exact_alerts(text: str, services: Collection[str]) -> Reading | None:
    """Return the reading of a line that is strict already, None if it has to be read.

    `services` are those of the site file. Every word of the line is one of them, a state or one
    of the usual severities.
    """
    filter = _filter(text)
    if filter is None or _is_of_another_tool(filter, text, ()):
        return None
    known = {*map(str.lower, services), *STATES, UNLISTED, *SEVERITIES, *MILD}
    strict = all(word.lower() in known for word in filter.words)
    return Reading(text.strip(), exact=True) if strict else None


def _filter(text: str) -> AlertFilter | None:
    try:
        return parse_filter(text)
    except InvalidInput:
        return None


def _is_of_another_tool(filter: AlertFilter, text: str, labels: Collection[str]) -> bool:
    """Return whether a label that is not in quotes is surely another tool's key."""
    names = (each.name for each in filter.matchers if f'"{each.name}"' not in text)
    return any(meaning_of(name, labels) for name in names)


def is_strict_alerts(text: str, names: Names) -> bool:
    """Return whether a text is a strict line whose words are all known."""
    filter = _filter(text)
    if filter is None:
        return False
    where = names.site(filter.site)
    if "alerts" in where.missing:
        return True
    if _is_of_another_tool(filter, text, where.labels):
        return False
    return all(kind_of(word, where) for word in filter.words)
