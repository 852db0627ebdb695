"""Why a search finds nothing: a name, tag or value that the traces do not have.

A name is compared with Jaeger's lists. Of tags, the newest traces of the service are read, and
only what these show is said of them; a tag or value that other traces had lately may be right.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace

from ops.backends.clients import clients
from ops.backends.jaeger import Jaeger
from ops.backends.jaeger.survey import Survey
from ops.backends.trace_search import TraceSearch
from ops.errors import InvalidInput, OpsError, nearest
from ops.limits import shortened
from ops.patience import patient
from ops.sites import Site, sites
from ops.traces.listing import name_in_jaeger
from ops.traces.seen import seen_in
from ops.vocabulary.conditions import Condition, number
from ops.vocabulary.filters import TraceQuery
from ops.vocabulary.quoting import quote
from ops.vocabulary.seen_tags import SeenTags
from ops.vocabulary.tag_words import Tag, format_condition, format_tag
from ops.vocabulary.tags import ERROR, RESOURCE, WORDS

LOOKED_AT = 20  # traces
SECONDS = 2.0  # the most that it may take
_READ = 64  # traces at most to get these: others may match at the same moments
_SHOWN, _LONGEST = 5, 20  # values, and characters of each
_LONGEST_NAME = 80
_FAILED = ("error", "errors", "err", "fail", "failed", "failure")


@dataclass(frozen=True, slots=True)
class Unmatched:
    """What a search asks for that is not there.

    `reason` is a sentence without its end: `none of the 20 newest traces of petstore has a tag
    "status"`. `meant` is what was probably meant, as in a filter line, and `instead` the query
    with it; "" and None if nothing comes close.
    """

    reason: str
    meant: str = ""
    instead: TraceQuery | None = None

    @property
    def sentence(self) -> str:
        """The reason and what was probably meant, as one sentence."""
        asked = f"{self.reason}; did you mean {self.meant}?" if self.meant else f"{self.reason}."
        return asked[0].upper() + asked[1:]


async def why_unmatched(query: TraceQuery) -> Unmatched | None:
    """Return why a query finds nothing; None if that is unknown or takes too long to find out.

    The query has its service filled in.
    """
    site = sites().site(query.site)
    try:
        async with asyncio.timeout(patient(SECONDS)):
            return await _why(site, clients().jaeger(site), query)
    except (OpsError, TimeoutError):
        return None


async def _why(site: Site, jaeger: Jaeger, query: TraceQuery) -> Unmatched | None:
    service = name_in_jaeger(site, query.service) if query.service else ""
    if service:
        services = await jaeger.services()
        if services and service not in services:
            reason = f'Jaeger lists no service "{shortened(service, _LONGEST_NAME)}"'
            return _named(query, "service", reason, nearest(service, services))
        operations = await jaeger.operations(service) if query.operation else ()
        if operations and query.operation not in operations:
            reason = f'Jaeger lists no operation "{shortened(query.operation, _LONGEST_NAME)}"'
            near = nearest(query.operation, operations)
            return _named(query, "operation", f"{reason} of {query.service}", near)
    if not (query.tags or query.conditions):
        return None
    start, end = query.range.start_end()
    newest = await jaeger.find(TraceSearch(start, end, LOOKED_AT, service))
    if not newest.summaries:
        return None
    oldest = min(each.matched_from for each in newest.summaries)
    survey = await jaeger.survey(
        TraceSearch(
            start=max(oldest, start),
            end=end,
            limit=_READ,
            service=service,
            tags=query.tags,
            conditions=query.conditions,
        )
    )
    if not survey.traces:
        return None
    known = seen_in(site.name, service)
    known.update(survey.seen)
    return _Look(query, survey, known, all=not newest.more).why()


def _named(query: TraceQuery, key: str, reason: str, near: str) -> Unmatched:
    """Return that a service or operation is unknown, and the one that is probably meant."""
    if not near:
        return Unmatched(reason)
    instead = replace(query, service=near) if key == "service" else replace(query, operation=near)
    return Unmatched(reason, f"{key}={quote(near)}", instead)


@dataclass(frozen=True, slots=True)
class _Look:
    """The traces that were looked at for a query: all that its service has, or the newest."""

    query: TraceQuery
    survey: Survey
    known: SeenTags
    all: bool

    def why(self) -> Unmatched | None:
        """Return the first key that no trace has, or else the first value."""
        tags = (Condition(key, "=", value) for key, value in self.query.tags)
        asked = [
            (place, each)
            for place, each in enumerate((*tags, *self.query.conditions))
            if each.is_tag and each.key not in WORDS
        ]
        for place, each in asked:
            key = each.key.removeprefix(RESOURCE)
            if not self.survey.has[place] and key not in self.known:
                return self._without_key(place, each)
        for place, each in asked:
            values = self.known.values(each.key.removeprefix(RESOURCE))
            elsewhere = any(each.is_met((value,)) for value in values)
            if self.survey.has[place] and not (self.survey.met[place] or elsewhere):
                return self._without_value(place, each, values)
        return self._on_different_spans()

    def _without_key(self, place: int, asked: Condition) -> Unmatched:
        reason = self._none_has(f'a tag "{shortened(asked.key, _LONGEST_NAME)}"')
        if asked.operator == "=" and asked.value.lower() in _FAILED:
            return self._meant(reason, place, (ERROR, "true"))
        value = asked.value if asked.operator == "=" else ""
        like = self.known.like(asked.key.removeprefix(RESOURCE), value)
        return self._meant(reason, place, replace(asked, key=like)) if like else Unmatched(reason)

    def _without_value(self, place: int, asked: Condition, values: Sequence[str]) -> Unmatched:
        reason = self._none_has(shortened(format_condition(asked), _LONGEST_NAME))
        near = ""
        if asked.operator == "=" and number(asked.value) is None:
            near = nearest(asked.value, values)
        if near:
            return self._meant(reason, place, replace(asked, value=near))
        if 0 < len(values) <= _SHOWN and max(map(len, values)) <= _LONGEST:
            reason += f"; seen: {', '.join(map(quote, values))}"
        return Unmatched(reason)

    def _on_different_spans(self) -> Unmatched | None:
        query = self.query
        others = query.operation, query.span_min, query.span_max, query.trace_min, query.trace_max
        apart = all(self.survey.met) and not self.survey.together
        if not apart or any(others):
            return None
        have = "has" if self.survey.traces == 1 else "have"
        return Unmatched(f"{self._traces()} {have} each of these tags, but on different spans")

    def _none_has(self, what: str) -> str:
        traces = self._traces()
        if self.survey.traces == 1:
            return f"{traces} does not have {what}"
        return f"none of {traces} has {what}"

    def _traces(self) -> str:
        """Name what was looked at."""
        count, of = self.survey.traces, f" of {self.query.service}" if self.query.service else ""
        if count == 1:
            return f"the {'only' if self.all else 'newest'} trace{of}"
        return f"the {count} {'' if self.all else 'newest '}traces{of}"

    def _meant(self, reason: str, place: int, meant: Tag | Condition) -> Unmatched:
        """Return the reason, and the query with something else in that place."""
        if isinstance(meant, Condition) and meant.operator == "=":
            meant = meant.key, meant.value
        parts: list[Tag | Condition] = [*self.query.tags, *self.query.conditions]
        parts[place] = meant
        try:
            instead = replace(
                self.query,
                tags=tuple(each for each in parts if not isinstance(each, Condition)),
                conditions=tuple(each for each in parts if isinstance(each, Condition)),
            )
        except InvalidInput:  # it is already there
            return Unmatched(reason)
        written = format_condition(meant) if isinstance(meant, Condition) else format_tag(*meant)
        return Unmatched(reason, written, instead)
