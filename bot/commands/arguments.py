"""Read the words after a command: services, sites, trace IDs and `key=value` pairs."""

import re

from ops.errors import InvalidInput, did_you_mean
from ops.sites import sites

SMALL_WORDS = ("of", "for", "on", "in", "to", "with")

_IN_ADDRESS = re.compile(r"[^?#]*/traces?/([^/?#]+)")


def words_and_keys(rest: str, *keys: str) -> tuple[list[str], dict[str, str]]:
    """Separate bare words from `key=value` pairs; raises InvalidInput for any other key."""
    words: list[str] = []
    named: dict[str, str] = {}
    for word in rest.split():
        key, equals, value = word.partition("=")
        if equals and key.lower() not in keys:
            raise InvalidInput(
                f'unknown key "{key[:80]}"'
                + (did_you_mean(key.lower(), keys) or f"; accepted: {' or '.join(keys)}")
            )
        if equals:
            named[key.lower()] = value
        elif word.lower() not in SMALL_WORDS:
            words.append(word)
    return words, named


def service_and_site(rest: str) -> tuple[str, str]:
    """Read `[SERVICE] [site=NAME]`."""
    words, named = words_and_keys(rest, "service", "site")
    if len(words) + ("service" in named) > 1:
        raise InvalidInput(f'"{rest[:80]}" names more than one service; give one or none')
    return named.get("service", " ".join(words)), named.get("site", "")


def linked_id(word: str) -> str:
    """Return the trace ID in a link to a trace's page, any other word unchanged."""
    in_address = _IN_ADDRESS.match(word)
    return in_address[1] if in_address else word


def after_small_word(rest: str) -> str:
    """Drop the `of` from `of petstore`."""
    word, _, others = rest.partition(" ")
    return others if others and word.lower() in SMALL_WORDS else rest


def is_service(word: str) -> bool:
    """Return whether a site has a service with this name."""
    return any(word in site.services for site in sites().all.values())
