"""Read the words after a command: services, sites, trace IDs and `key=value` pairs."""

import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import TypeVar

from bot.registry import Message
from ops.errors import InvalidInput, NotFound, did_you_mean
from ops.language import lines
from ops.language.spoken import Clock, Spoken, checked
from ops.language.times import strict_range
from ops.sites import sites
from ops.vocabulary.texts import shortened
from ops.vocabulary.timerange import TimeRange, parse_duration, parse_moment

SMALL_WORDS = ("of", "for", "on", "in", "to", "with")

T = TypeVar("T")
Default = TypeVar("Default", TimeRange, None)
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


@dataclass(frozen=True, slots=True)
class Where:
    """A service and its site; "" is the default one."""

    service: str = ""
    site: str = ""

    def check(self) -> None:
        """Raise NotFound unless the site file has both."""
        site = sites().site(self.site)
        if self.service:
            site.service(self.service)


def service_and_site(rest: str) -> Where:
    """Read `[SERVICE] [site=NAME]`."""
    where, _ = service_and_keys(rest)
    return where


def service_and_keys(rest: str, *keys: str) -> tuple[Where, dict[str, str]]:
    """Read the same and other pairs; raises NotFound for what the site file does not have."""
    words, named = words_and_keys(rest, "service", "site", *keys)
    if len(words) + ("service" in named) > 1:
        raise InvalidInput(f'"{rest[:80]}" names more than one service; give one or none')
    where = Where(named.pop("service", " ".join(words)), named.pop("site", ""))
    where.check()
    return where, named


def with_times(parse: Callable[[str], T]) -> Callable[[Message, str], Awaitable[T]]:
    """Let people say the times that a command takes: `yesterday`, `since 2pm`, `last hour`.

    What the command reads without that keeps its meaning.
    """

    async def parse_said(message: Message, rest: str) -> T:
        try:
            return parse(rest)
        except (InvalidInput, NotFound):
            strict, _ = strict_range(rest, message.clock)
            if strict == rest:
                raise
            return parse(strict)

    return parse_said


def parse_range(named: Mapping[str, str], default: Default) -> TimeRange | Default:
    """Read `last=1h`, or `from=` and `to=`; raises InvalidInput."""
    if "last" in named and len(named) > 1:
        raise InvalidInput('"last" ends now; give either last, or from and to')
    if "last" in named:
        return TimeRange.last(parse_duration(named["last"]))
    if not named:
        return default
    if "from" not in named:
        raise InvalidInput('"to" needs a start: add from=TIME')
    range = TimeRange(parse_moment(named["from"]), parse_moment(named.get("to", "now")))
    range.start_end()
    return range


def end_of(said: Spoken | None, clock: Clock) -> int | None:
    """Return when a term ends (Unix nanoseconds), None without an end.

    Raises InvalidInput for a term that may mean several things.
    """
    key, _, value = checked(said).text.partition("=") if said else ("", "", "")
    if key == "for":
        return clock.now + parse_duration(value)
    return parse_moment(value).at(clock.now) if key == "until" else None


def refuse_terms(given: str) -> None:
    """Raise InvalidInput for a `for=` or `until=` that was not read as how long something lasts.

    It would be taken for a matcher; one on a label of that name is written in quotes.
    """
    for word in lines.words(given):
        if word.operator == "=" and not word.key_quoted and word.key.lower() in ("for", "until"):
            raise InvalidInput(
                f'"{shortened(f"{word.key}{word.operator}{word.text}", 80)}" is not how long it '
                "lasts: write for=1h or until=18:00"
            )


async def parse_site(message: Message, rest: str) -> str:
    """Read `[site=NAME]`, for a command that takes no more."""
    words, named = words_and_keys(rest, "site")
    if words:
        raise InvalidInput(f'unknown word "{shortened(rest, 80)}"; accepted: site=NAME')
    return sites().site(named.get("site", "")).name


async def parse_service(message: Message, rest: str) -> Where:
    """Read `[SERVICE] [site=NAME]`, for a command that takes no more."""
    return service_and_site(rest)


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
