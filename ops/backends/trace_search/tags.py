"""Which tags of a search a store can test, and which we test on the traces that it returns.

Releases of Jaeger before 2.17 do not understand `error` and the other words of
ops.vocabulary.tags, and only those with Elasticsearch find an `error` that is a message.
"""

import re

from ops.vocabulary.tags import ERROR, FALSE, TRUE, is_word

Tags = tuple[tuple[str, str], ...]

_PLAIN = re.compile(r"[\w-]+", re.ASCII)


def unsupported(tags: Tags, *, indexed: bool = False) -> Tags:
    """Return the tags for which a server before 2.17 finds nothing, or the wrong traces.

    `indexed` means that it uses Elasticsearch, which knows what `error` is.
    """
    return tuple(tag for tag in tags if is_word(tag[0]) and not (indexed and is_error_message(tag)))


def is_plain(tag: tuple[str, str]) -> bool:
    """Return whether every store compares a tag alike.

    Elasticsearch takes the value for a regular expression; without special characters it matches
    the same text.
    """
    return not is_word(tag[0]) and _PLAIN.fullmatch(tag[1]) is not None


def is_error_message(tag: tuple[str, str]) -> bool:
    """Return whether a tag is an `error` with a message: `error="connection refused"`."""
    return tag[0] == ERROR and tag[1].lower() not in (*TRUE, *FALSE)


def is_about_whole_trace(tag: tuple[str, str]) -> bool:
    """Return whether a tag is error=false: no span of the trace failed, whatever else they are.

    Releases disagree on what it means for one span, so no server is asked to test it.
    """
    return tag[0] == ERROR and tag[1].lower() in FALSE
