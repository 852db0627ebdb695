"""The trace store of a site: what our actions ask of Jaeger."""

from collections.abc import Awaitable, Callable, Hashable
from dataclasses import replace
from functools import partial
from typing import TypeVar

from google.protobuf.message import DecodeError

from ops import metrics
from ops.backends.calls import Calls
from ops.backends.grpc_channels import Peer
from ops.backends.jaeger.measuring import MeasuredTraces, measure
from ops.backends.jaeger.observing import observe
from ops.backends.jaeger.query_service import MUCH_TO_READ, QueryService, off_loop
from ops.backends.jaeger.roots import roots
from ops.backends.jaeger.survey import Survey, survey
from ops.backends.jaeger.window_reader import WindowReader
from ops.backends.otlp import read_trace
from ops.backends.trace_search.density import Densities, Density
from ops.backends.trace_search.newest import AskStore, NotCached, newest
from ops.backends.trace_search.results import FoundTraces, Matches
from ops.backends.trace_search.search import TraceSearch, Window
from ops.backends.trace_search.slices import SETTLED, Slices
from ops.errors import NotFound
from ops.sites import JaegerSource, Site
from ops.vocabulary import timerange
from ops.vocabulary.observed import ObservedWindow
from ops.vocabulary.roots import Root
from ops.vocabulary.spans import Spans

T = TypeVar("T")
_PATIENCE = 0.6  # of the timeout; then a search that has found something stops


class Jaeger:
    """The trace store of a site.

    Methods raise InvalidInput, BackendTimeout or BackendUnavailable.
    """

    def __init__(self, site: Site, source: JaegerSource) -> None:
        self.source = source
        self.peer = Peer(
            f"Jaeger of {site.name}",
            source.address,
            port="Jaeger's gRPC port, usually 16685 (16686 is its web page)",
            table=f"[sites.{site.name}.jaeger]",
            tls=source.tls is not None,
        )
        self._calls = Calls("jaeger", self.peer.name, self.peer.place, source.timeout)
        self._server = QueryService(self.peer, source)
        self._densities = Densities()
        self._slices = Slices()
        self._reader = WindowReader(self._server, source, self._slices)

    async def services(self) -> tuple[str, ...]:
        """Return the names of all services, sorted."""
        return tuple(sorted(set(await self._read("services", self._server.services))))

    async def operations(self, service: str) -> tuple[str, ...]:
        """Return a service's distinct operation names, sorted; none for an unknown service."""
        call = partial(self._server.operations, service)
        return tuple(sorted(await self._read(("operations", service), call)))

    async def trace(self, trace_id: str, newer_than: int = 0) -> Spans:
        """Return the spans of a trace, read after `newer_than`; raises NotFound.

        The ID is 1 to 32 hex digits in any case, `newer_than` Unix nanoseconds.
        """
        full_id = trace_id.lower().zfill(32)

        async def call() -> Spans | None:
            as_of = timerange.now_ns()
            messages = await self._server.trace(full_id)
            try:
                found = await _read_trace(messages)
            except DecodeError:
                # Jaeger's memory storage may return a trace while it is still adding to it.
                found = await _read_trace(await self._server.trace(full_id))
            return replace(found, as_of=as_of) if found else None

        try:
            spans = await self._read(("trace", full_id, newer_than), call)
        except NotFound:  # other releases send an empty stream
            spans = None
        if not spans:
            raise NotFound(f"{self.peer.name} has no trace {trace_id}")
        return spans

    async def find(self, search: TraceSearch, *, settled: bool = False) -> FoundTraces:
        """Return the traces that match; identical searches within a second share the result.

        With `settled`, spans that arrived late may be missing: times more than a few seconds old
        are read once a minute.
        """
        if settled and (cached := await self._from_slices(search)) is not None:
            return cached
        # Everyone who watches repeats a search up to the present; searches of the past are rare.
        live = search.end >= timerange.now_ns() - timerange.SECOND and search.before is None
        wide = _whole_seconds(search) if live else search
        found = await self._read((wide, settled), partial(self._find, wide, settled))
        return found if wide.start == search.start else found.since(search.start)

    async def measure(self, service: str, *, start: int, end: int, most: int) -> MeasuredTraces:
        """Return the summaries of up to `most` of a service's traces, and their size."""
        call = partial(measure, self._server, service, start, end, most)
        return await self._read(("measure", service, start, end, most), call)

    async def roots(self, service: str, *, start: int, end: int, most: int) -> tuple[Root, ...]:
        """Return the roots of up to `most` of a service's traces that carry their rate."""
        call = partial(roots, self._server, service, start, end, most)
        return await self._read(("roots", service, start, end, most), call)

    async def observe(self, service: str, *, start: int, end: int, most: int) -> ObservedWindow:
        """Read up to `most` of a service's traces of a window; one call, or one more if refused."""
        search = TraceSearch(start, end, most, service)
        return await self._read(("observe", search), partial(observe, self._server, search))

    async def survey(self, search: TraceSearch) -> Survey:
        """Return what traces of a search's service and times have of its tags and conditions."""
        return await self._read(("survey", search), partial(survey, self._server, search))

    async def close(self) -> None:
        await self._server.close()

    async def _from_slices(self, search: TraceSearch) -> FoundTraces | None:
        """Return what is found in cached slices; None if Jaeger must be asked."""

        async def look(window: Window) -> Matches:
            if (answer := self._slices.cached(search, window)) is None:
                raise NotCached
            return answer

        try:
            return await self._newest(search, look, settled=True)
        except NotCached:
            return None

    async def _find(self, search: TraceSearch, settled: bool) -> FoundTraces:
        read = partial(self._reader.read, search, self._density(search))
        return await self._newest(search, read, settled=settled)

    def _density(self, search: TraceSearch) -> Density:
        selective = self._reader.is_selective(search)
        return self._densities.of(search.shape, search.unfiltered_shape, selective=selective)

    async def _newest(self, search: TraceSearch, ask: AskStore, *, settled: bool) -> FoundTraces:
        now = timerange.now_ns()
        found = await newest(
            search,
            ask,
            self._density(search),
            now=now,
            # Less than the deadline of the whole read, so that what was found still gets out.
            patience=self.source.timeout / timerange.SECOND * _PATIENCE,
            selective=self._reader.is_selective(search),
            settled=now - SETTLED if settled else 0,
        )
        metrics.search_calls.observe(found.calls)
        return found

    async def _read(self, key: Hashable, call: Callable[[], Awaitable[T]]) -> T:
        async def translated_call() -> T:
            with self._server.translated():
                return await call()

        return await self._calls.read(key, translated_call)


async def _read_trace(messages: list[bytes]) -> Spans | None:
    return await off_loop(sum(map(len, messages)) > MUCH_TO_READ, read_trace, messages)


def _whole_seconds(search: TraceSearch) -> TraceSearch:
    """Widen a search up to the present to whole seconds.

    So everyone who watches sends the same search for a second. Searches of the past stay exact.
    """
    start = search.start // timerange.SECOND * timerange.SECOND
    return replace(search, start=start, end=-(-search.end // timerange.SECOND) * timerange.SECOND)
