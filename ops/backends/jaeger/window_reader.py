"""Read the traces of one window of a search, by the cheapest call that shows enough.

    conditions or error message to test, or              no
    summaries lacked detail and there are few spans ──────────> FindTraceSummaries
        │ yes                                                     │          │ enough, or
        │                                          few spans and  │          │ too many spans
        v                                          too little detail         v
    FindTraces of api_v3 <────────────────────────────────────────┘      the answer
        │ the window is part of a shared slice    ──> read the whole slice, keep it a minute
        │ few spans                               ──> read once for similar searches of a second
        │ otherwise                               ──> read for this search alone
        │ a server with api_v2 only
        v
    FindTraces of api_v2, in chunks of ten spans

A summary has the size, duration and services of a trace. It lacks when a span matched and what
the error says; see `_lacks_detail`.
"""

from dataclasses import replace
from functools import partial

from ops.backends.grpc_errors import too_large
from ops.backends.jaeger.api_v2 import convert
from ops.backends.jaeger.queries import query, summary
from ops.backends.jaeger.query_service import V2, V3, Api, QueryService, off_loop
from ops.backends.jaeger.span_match import SpanMatch
from ops.backends.jaeger.summarizer import Summarizer
from ops.backends.trace_search.density import Density
from ops.backends.trace_search.results import FoundTrace, Matches
from ops.backends.trace_search.search import TraceSearch, Window
from ops.backends.trace_search.slices import Slices
from ops.backends.trace_search.tags import Tags, is_error_message, unsupported
from ops.caching import Shared
from ops.sites import JaegerSource
from ops.vocabulary import timerange
from ops.vocabulary.tags import ERROR
from proto.jaeger.api_v3 import query_pb2 as v3
from proto.jaeger.api_v3 import query_pb2_grpc as v3_grpc

_MUCH_TO_SUMMARIZE = 1_000_000  # bytes; more takes longer than about 5 ms
_FEW_SPANS = 20_000  # traces with no more in total are read instead of their summaries
_FEW_TO_SHARE = 5_000  # spans; an answer with no more is shared for a second
_LONG = timerange.SECOND  # if a match is known less precisely, its time is looked up


class WindowReader:
    """Reads windows from one server; `slices` keeps those that searches share."""

    def __init__(self, server: QueryService, source: JaegerSource, slices: Slices) -> None:
        self._server = server
        self._source = source
        self._slices = slices
        self._reads = Shared()
        # The site file says so, because Jaeger does not: tag values are expressions there.
        self._indexed = source.tag_values == "regex"

    def is_selective(self, search: TraceSearch) -> bool:
        """Return whether few of the traces that Jaeger returns are expected to fit."""
        tested_here = self._tested_here(search) or search.conditions
        return search.tests_whole_traces or bool(tested_here)

    async def read(self, search: TraceSearch, density: Density, window: Window) -> Matches:
        """Make the best call that the server offers; another if summaries are not enough."""
        whole = {Api.V3: partial(self._by_traces, search, density, window)}
        chunks = partial(self._by_chunks, search, window)
        # Reading many whole traces for their detail would take longer than anybody waits.
        few = density.spans_of(window.depth) <= _FEW_SPANS
        if self._needs_whole_traces(search) or (density.detailed and few):
            return await self._server.best(chunks, whole)
        summaries = partial(self._by_summaries, search, window)
        answer = await self._server.best(chunks, {Api.SUMMARIES: summaries, **whole})
        density.detailed = _lacks_detail(search, answer)
        is_cut = len(answer) >= window.depth
        if density.detailed and not is_cut and _spans(answer) <= _FEW_SPANS:
            return await self._server.best(chunks, whole)
        return answer

    async def _by_summaries(self, search: TraceSearch, window: Window) -> Matches:
        asked = query(search, window, search.span_tags, self._source.tag_values)
        stub = v3_grpc.QueryServiceStub(self._server.channel())
        request = v3.FindTraceSummariesRequest(query=asked)
        found: list[FoundTrace] = []
        size, largest = 0, self._source.largest_message
        stream = stub.FindTraceSummaries(request, metadata=self._server.metadata)
        try:
            async for chunk in stream:
                size += chunk.ByteSize()
                # gRPC limits a message only, and the stream may have any number of them.
                if size > largest:
                    words = f"more than {largest // 1024**2} MiB for one search"
                    raise too_large(self._server.peer, words)
                found += [FoundTrace(summary(item, window)) for item in chunk.summaries]
        finally:
            stream.cancel()
        return Matches(found, by_status=True)

    async def _by_traces(self, search: TraceSearch, density: Density, window: Window) -> Matches:
        spans = density.spans_of(window.depth)
        if window.grid and spans <= _FEW_SPANS:
            read = partial(self._whole_traces, every_match=True)
            if (answer := await self._slices.answer(search, window, read)) is not None:
                return answer
        if 0 < spans <= _FEW_TO_SHARE:
            return await self._by_shared_traces(search, window)
        return await self._whole_traces(search, window)

    async def _whole_traces(
        self, search: TraceSearch, window: Window, *, every_match: bool = False
    ) -> Matches:
        summarizer = self._summarizer(search, window, every_match=every_match)
        request = self._request(search, window)
        with self._server.stream(V3, "FindTraces", request) as messages:
            async for message in messages:
                await off_loop(len(message) > _MUCH_TO_SUMMARIZE, summarizer.add, message)
        # A server that searches for errors goes by the status.
        by_status = ERROR in request.query.attributes
        return replace(summarizer.matches(), by_status=by_status)

    async def _by_shared_traces(self, search: TraceSearch, window: Window) -> Matches:
        """Read a few traces, once for all searches of that window within a second.

        Searches for similar durations share the traces, and each tests them itself.
        """
        coarser = search.coarser(window.start, search.end)
        read = partial(self._whole_traces, coarser, window)
        return (await self._reads.answer((coarser, window), read)).refined(search)

    async def _by_chunks(self, search: TraceSearch, window: Window) -> Matches:
        summarizer = self._summarizer(search, window)
        with self._server.stream(V2, "FindTraces", self._request(search, window)) as chunks:
            async for chunk in chunks:
                summarizer.add_parsed(convert([chunk]))
        return summarizer.matches()

    def _summarizer(
        self, search: TraceSearch, window: Window, *, every_match: bool = False
    ) -> Summarizer:
        match = SpanMatch(
            search.service,
            search.operation,
            search.span_tags,
            search.span_min,
            search.span_max,
            search.conditions,
        )
        tested_here = bool(self._tested_here(search) or search.conditions)
        return Summarizer(search, window, match, tested_here, every_match)

    def _request(self, search: TraceSearch, window: Window) -> v3.FindTracesRequest:
        """Request what the server understands; the encoding is the same in both versions."""
        here = self._tested_here(search)
        there = tuple(tag for tag in search.span_tags if tag not in here)
        asked = query(search, window, there, self._source.tag_values)
        if self._indexed and any(each.key == ERROR for each in search.conditions if each.is_tag):
            # Values are expressions there, and a span that failed has this tag.
            asked.attributes.setdefault(ERROR, ".*")
        return v3.FindTracesRequest(query=asked)

    def _tested_here(self, search: TraceSearch) -> Tags:
        """Return the tags that we test ourselves.

        A server that has summaries understands all but an error's message. Requests for whole
        traces do not show whether it has summaries; until another has, we assume that it has none.
        """
        server = self._server
        has_summaries = server.api is Api.SUMMARIES and (
            server.confirmed or not self._needs_whole_traces(search)
        )
        return (
            self._error_messages(search)
            if has_summaries
            else unsupported(search.span_tags, indexed=self._indexed)
        )

    def _error_messages(self, search: TraceSearch) -> Tags:
        return () if self._indexed else tuple(filter(is_error_message, search.span_tags))

    def _needs_whole_traces(self, search: TraceSearch) -> bool:
        """Return whether no release can answer a search itself."""
        return bool(search.conditions or self._error_messages(search))


def _lacks_detail(search: TraceSearch, answer: Matches) -> bool:
    """Return whether to read whole traces for what summaries do not show.

    That is where to cut a list, when a long trace matched, and why one failed.
    """
    before = search.before
    return len(answer) > search.limit or any(
        each.trace.matched - each.trace.matched_from >= _LONG
        or (before is not None and each.trace.matched >= before.time)
        or (each.trace.error_count and not each.trace.error)
        for each in answer.traces
    )


def _spans(answer: Matches) -> int:
    return sum(each.trace.span_count for each in answer.traces)
