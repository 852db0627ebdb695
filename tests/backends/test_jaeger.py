"""The Jaeger client against releases 2.13, 2.20 and main on port 0."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import grpc
import pytest

from ops import timerange
from ops.backends.calls import FAILURES
from ops.backends.connections import connections
from ops.backends.jaeger import Jaeger
from ops.backends.searching import LATE, TraceSearch
from ops.errors import BackendTimeout, BackendUnavailable, InvalidInput, NotFound
from ops.sites import JaegerSource, Tls
from tests.backends.conftest import make_site
from tests.fakes import tls
from tests.fakes.instance import fake_instance
from tests.fakes.jaeger import MILLISECOND, RELEASES, FakeJaeger, span, trace

PAST = timerange.parse_moment("2024-11-24T14:00:00Z").nanoseconds
HOUR = TraceSearch(start=PAST - timerange.HOUR, end=PAST, limit=20)


@pytest.fixture(params=RELEASES)
async def fake(request: pytest.FixtureRequest) -> AsyncIterator[FakeJaeger]:
    async with FakeJaeger(request.param) as server:
        yield server


@pytest.fixture
async def old() -> AsyncIterator[FakeJaeger]:
    async with FakeJaeger("2.13") as server:
        yield server


@pytest.fixture
async def oldest() -> AsyncIterator[FakeJaeger]:
    async with FakeJaeger("1.x") as server:
        yield server


@pytest.fixture(params=["1.x", "2.13"])
async def dated(request: pytest.FixtureRequest) -> AsyncIterator[FakeJaeger]:
    async with FakeJaeger(request.param) as server:
        yield server


@pytest.fixture
async def new() -> AsyncIterator[FakeJaeger]:
    async with FakeJaeger("2.20") as server:
        yield server


def client(server: FakeJaeger | str, **source: Any) -> Jaeger:
    address = server if isinstance(server, str) else server.address
    return connections().jaeger(make_site(jaeger=JaegerSource(address, **source)))


def at(minutes_before: float) -> int:
    return PAST - int(minutes_before * timerange.MINUTE)


class TestNames:
    async def test_it_sorts_services(self, fake: FakeJaeger) -> None:
        fake.add(trace(span("store", "Query")), trace(span("petstore", "AddPets")))
        assert await client(fake).services() == ("petstore", "store")

    async def test_it_gives_each_operation_once(self, fake: FakeJaeger) -> None:
        fake.add(
            trace(span("petstore", "AddPets", kind="server")),
            trace(span("petstore", "AddPets", kind="client"), span("petstore", "A")),
        )
        assert await client(fake).operations("petstore") == ("A", "AddPets")

    async def test_it_has_no_operations_of_an_unknown_service(self, fake: FakeJaeger) -> None:
        assert await client(fake).operations("nobody") == ()


class TestTrace:
    async def test_it_reads_everything_of_a_span(self, fake: FakeJaeger) -> None:
        child = span(
            "store",
            "Query",
            error="deadline exceeded",
            kind="client",
            duration=5 * MILLISECOND,
            tags={"rows": 3, "cached": False, "share": 0.5, "ids": [1, 2], "raw": b"\x01"},
            events=[("exception", {"exception.message": "too late"})],
            links=[("ab" * 16, "cd" * 8)],
            resource={"host.name": "a"},
            warnings=["clock skew of 5 ms"],
            span_id="00000000000000b1",
        )
        root = span(
            "petstore", "AddPets", start=at(1), children=[child], span_id="00000000000000a1"
        )
        trace_id = fake.add(trace(root))
        spans = {found.operation: found for found in await client(fake).trace(trace_id)}
        found = spans["Query"]
        assert (found.trace_id, found.span_id) == (trace_id, "00000000000000b1")
        assert (found.parent_id, spans["AddPets"].parent_id) == ("00000000000000a1", "")
        assert (found.service, found.kind) == ("store", "client")
        assert (found.start, found.duration) == (at(1) + MILLISECOND, 5 * MILLISECOND)
        assert (found.error, found.message) == (True, "deadline exceeded")
        # The older model has no lists.
        ids = "[1,2]" if fake.release == "1.x" else [1, 2]
        assert found.attributes == {
            "rows": 3, "cached": False, "share": 0.5, "ids": ids, "raw": b"\x01"
        }  # fmt: skip
        assert found.warnings == ("clock skew of 5 ms",)
        assert found.process == {"service.name": "store", "host.name": "a"}
        (event,) = found.events
        assert (event.name, event.attributes) == ("exception", {"exception.message": "too late"})
        assert (found.links[0].trace_id, found.links[0].span_id) == ("ab" * 16, "cd" * 8)

    async def test_it_takes_short_ids_in_any_case(self, fake: FakeJaeger) -> None:
        fake.add(trace(span("petstore", "AddPets"), trace_id="ab"))
        (found,) = await client(fake).trace("AB")
        assert found.trace_id == "ab".zfill(32)

    async def test_it_has_one_answer_for_an_unknown_trace(self, fake: FakeJaeger) -> None:
        with pytest.raises(NotFound) as caught:
            await client(fake).trace("ab")
        assert str(caught.value) == "Jaeger of production has no trace ab"

    async def test_it_passes_on_what_the_server_refuses(self, new: FakeJaeger) -> None:
        with pytest.raises(InvalidInput, match="refuses the request: malform trace ID"):
            await client(new).trace("petstore")

    async def test_it_reads_a_large_trace(self, fake: FakeJaeger) -> None:
        many = [span("store", "Query", tags={"n": n}) for n in range(1_000)]
        trace_id = fake.add(trace(span("petstore", "AddPets", children=many)))
        assert len(await client(fake).trace(trace_id)) == 1_001

    async def test_it_says_which_setting_a_larger_trace_needs(self, fake: FakeJaeger) -> None:
        text = "x" * 5_000
        many = [span("store", "Query", tags={"text": text}) for _ in range(1_000)]
        trace_id = fake.add(trace(*many))
        jaeger = client(fake, largest_message=4 * 1024**2)
        size = "more than 4 MiB for one trace" if fake.release == "1.x" else "5 MiB in one message"
        for _ in range(FAILURES + 1):
            with pytest.raises(BackendUnavailable) as caught:
                await jaeger.trace(trace_id)
            assert str(caught.value) == (
                f"Jaeger of production at {fake.address} answers with {size}, more than is "
                "accepted; raise largest_message_mib in [sites.production.jaeger]"
            )


class TestFind:
    async def test_it_summarizes_a_trace(self, fake: FakeJaeger) -> None:
        query = span("store", "Query", error="deadline exceeded", duration=3 * MILLISECOND)
        root = span("petstore", "AddPets", start=at(1), children=[query], error="")
        trace_id = fake.add(trace(root))
        found = await client(fake).find(HOUR)
        assert (found.fetched, found.more) == (1, False)
        (summary,) = found.summaries
        assert replace(summary, error="") == replace(
            summary,
            trace_id=trace_id,
            start=at(1),
            duration=10 * MILLISECOND,
            service="petstore",
            operation="AddPets",
            span_count=2,
            error_count=2,
            services=("petstore", "store"),
            error="",
        )

    async def test_it_explains_a_failing_trace_whose_spans_it_saw(self, old: FakeJaeger) -> None:
        query = span("store", "Query", error="deadline exceeded\nat store.py:7")
        old.add(trace(span("petstore", "AddPets", start=at(1), children=[query], error="failed")))
        (summary,) = (await client(old).find(HOUR)).summaries
        assert summary.error == "Query: deadline exceeded"

    async def test_it_leaves_the_root_empty_when_it_is_missing(self, fake: FakeJaeger) -> None:
        fake.add(trace(span("store", "Query", start=at(1), parent_id="00000000000000ff")))
        (summary,) = (await client(fake).find(HOUR)).summaries
        assert (summary.service, summary.operation) == ("", "")

    async def test_it_sorts_newest_first_and_ties_by_id(self, fake: FakeJaeger) -> None:
        for trace_id, minutes in (("2", 5), ("3", 1), ("1", 5), ("4", 9)):
            fake.add(trace(span("petstore", "A", start=at(minutes)), trace_id=trace_id))
        found = await client(fake).find(HOUR)
        assert [summary.trace_id[-1] for summary in found.summaries] == ["3", "1", "2", "4"]

    async def test_it_says_that_there_may_be_more_at_the_limit(self, fake: FakeJaeger) -> None:
        fake.add(*(trace(span("petstore", "A", start=at(n))) for n in range(1, 5)))
        found = await client(fake).find(replace(HOUR, limit=3))
        assert [summary.start for summary in found.summaries] == [at(1), at(2), at(3)]
        assert (found.fetched, found.more) == (3, True)

    async def test_it_keeps_to_what_one_span_must_meet(self, fake: FakeJaeger) -> None:
        yes = span("store", "Query", tags={"http.status_code": 500}, duration=30 * MILLISECOND)
        wanted = fake.add(trace(span("petstore", "A", start=at(1), children=[yes])))
        near = span("petstore", "Query", tags={"http.status_code": 500}, start=at(2))
        fake.add(trace(near))
        search = replace(
            HOUR,
            service="store",
            operation="Query",
            tags=(("http.status_code", "500"),),
            span_min=20 * MILLISECOND,
            span_max=40 * MILLISECOND,
        )
        found = await client(fake).find(search)
        assert [summary.trace_id for summary in found.summaries] == [wanted]

    async def test_it_finds_failing_traces_on_every_release(self, fake: FakeJaeger) -> None:
        fine = [trace(span("petstore", "A", start=at(n / 60))) for n in range(1, 50)]
        failing = trace(
            span("petstore", "A", start=at(2), children=[span("store", "Query", error="no")])
        )
        wanted = fake.add(*fine, failing)
        search = replace(HOUR, tags=(("error", "true"),), limit=1)
        found = await client(fake).find(search)
        assert [summary.trace_id for summary in found.summaries] == [wanted]

    @pytest.mark.parametrize(
        ("tags", "operations"),
        [
            ([("error", "true")], ["bad"]),
            ([("error", "true"), ("http.status_code", "500")], ["bad"]),
            ([("error", "true"), ("http.status_code", "404")], []),
            ([("span.kind", "server")], ["bad"]),
            ([("span.status", "error")], ["bad"]),
            ([("resource.host.name", "b")], ["fine"]),
            ([("host.name", "b")], ["fine"]),
            ([("exception.message", "no")], ["bad"]),
            ([("share", "0.5")], ["fine"]),
            ([("count", "2")], ["fine"]),
        ],
    )
    async def test_it_understands_the_same_tags_on_every_release(
        self, fake: FakeJaeger, tags: list[tuple[str, str]], operations: list[str]
    ) -> None:
        bad = span(
            "petstore",
            "bad",
            error="no",
            kind="server",
            start=at(1),
            tags={"http.status_code": 500},
            events=[("exception", {"exception.message": "no"})],
            resource={"host.name": "a"},
        )
        numbers = {"share": 0.5, "count": 2}
        fine = span("petstore", "fine", start=at(2), tags=numbers, resource={"host.name": "b"})
        fake.add(trace(bad), trace(fine))
        found = await client(fake).find(replace(HOUR, tags=tuple(tags)))
        assert [summary.operation for summary in found.summaries] == operations

    async def test_it_wants_the_error_on_the_span_that_is_meant(self, fake: FakeJaeger) -> None:
        fake.add(trace(span("petstore", "A", start=at(1), children=[span("store", "Q", error="")])))
        failing = (("error", "true"),)
        jaeger = client(fake)
        by_petstore = await jaeger.find(replace(HOUR, service="petstore", tags=failing))
        by_store = await jaeger.find(replace(HOUR, service="store", tags=failing))
        assert (len(by_petstore.summaries), len(by_store.summaries)) == (0, 1)

    async def test_it_asks_an_old_server_for_more_and_not_for_the_error(
        self, old: FakeJaeger
    ) -> None:
        old.add(*(trace(span("petstore", "A", start=at(n / 60))) for n in range(1, 60)))
        jaeger = client(old)
        await jaeger.services()
        search = replace(HOUR, tags=(("error", "true"), ("k", "v")), limit=2)
        await jaeger.find(search)
        queries = [call.request.query for call in old.calls if call.method == "FindTraces"]
        assert [dict(query.attributes) for query in queries] == [{"k": "v"}]
        found = await jaeger.find(replace(HOUR, tags=(("error", "true"),), limit=2))
        depths = [c.request.query.search_depth for c in old.calls if c.method == "FindTraces"]
        assert depths[1:] == [16, 64]
        assert (found.summaries, found.fetched, found.more) == ((), 59, False)

    async def test_it_filters_whole_traces_itself(self, fake: FakeJaeger) -> None:
        for minutes in range(1, 40):
            fake.add(
                trace(span("petstore", "A", start=at(minutes), duration=minutes * MILLISECOND))
            )
        search = replace(HOUR, trace_min=36 * MILLISECOND, trace_max=38 * MILLISECOND, limit=2)
        found = await client(fake).find(search)
        durations = [summary.duration // MILLISECOND for summary in found.summaries]
        assert durations == [36, 37]
        assert (found.fetched, found.more) == (37, True)

    async def test_it_asks_once_for_all_who_ask_the_same(self, new: FakeJaeger) -> None:
        jaeger = client(new)
        await asyncio.gather(*(jaeger.find(HOUR) for _ in range(50)))
        await jaeger.find(HOUR)
        assert new.methods() == ["FindTraceSummaries"]

    async def test_it_shares_searches_that_reach_up_to_now(self, new: FakeJaeger) -> None:
        now = timerange.now_ns()
        end = now - now % timerange.SECOND + 10 * timerange.SECOND
        jaeger = client(new)
        for nanoseconds in range(1, 20):
            begin = end - timerange.HOUR
            await jaeger.find(replace(HOUR, start=begin + nanoseconds, end=end - nanoseconds))
        assert new.methods() == ["FindTraceSummaries"]
        query = new.calls[0].request.query
        assert (query.start_time_min.nanos, query.start_time_max.nanos) == (0, 0)

    async def test_it_leaves_out_what_ended_before_the_start_of_a_shared_search(
        self, new: FakeJaeger
    ) -> None:
        now = timerange.now_ns()
        second = now - now % timerange.SECOND - timerange.MINUTE
        before = trace(span("petstore", "before", start=second + 100))
        after = trace(span("petstore", "after", start=second + 500 * MILLISECOND))
        new.add(before, after)
        jaeger = client(new)
        search = replace(HOUR, end=now + timerange.MINUTE)
        both = await jaeger.find(replace(search, start=second))
        one = await jaeger.find(replace(search, start=second + 400 * MILLISECOND))
        assert [summary.operation for summary in both.summaries] == ["after", "before"]
        assert [summary.operation for summary in one.summaries] == ["after"]

    async def test_it_keeps_the_bounds_of_the_past_exact(self, new: FakeJaeger) -> None:
        """But for the spans of traces that start before the end."""
        search = replace(HOUR, start=PAST - timerange.HOUR + 1, end=PAST - 3)
        await client(new).find(search)
        query = new.calls[0].request.query
        assert query.start_time_max.ToNanoseconds() == PAST - 3 + LATE
        assert query.start_time_min.nanos == 1

    @pytest.mark.parametrize(
        ("values", "sent"), [("exact", "5.. (a|b)"), ("regex", r"5\.\. \(a\|b\)")]
    )
    async def test_it_escapes_values_where_they_are_expressions(
        self, new: FakeJaeger, values: str, sent: str
    ) -> None:
        jaeger = client(new, tag_values=values)
        await jaeger.find(replace(HOUR, tags=(("k", "5.. (a|b)"),)))
        assert dict(new.calls[0].request.query.attributes) == {"k": sent}

    async def test_it_always_bounds_the_duration_above(self, new: FakeJaeger) -> None:
        """Elasticsearch takes a missing maximum for a day."""
        await client(new).find(replace(HOUR, span_min=timerange.SECOND))
        query = new.calls[0].request.query
        assert query.duration_max.seconds > 86_400

    async def test_it_ends_the_call_when_the_last_reader_leaves(self, new: FakeJaeger) -> None:
        new.hang()
        jaeger = client(new)
        readers = [asyncio.create_task(jaeger.find(HOUR)) for _ in range(2)]
        await new.until(lambda: new.calls)
        for reader in readers:
            reader.cancel()
        await new.until(lambda: new.cancelled == ["FindTraceSummaries"])


class Busy(ThreadPoolExecutor):
    """Never gets round to what it is given; `given` is set when something is."""

    def __init__(self) -> None:
        super().__init__(1)
        self.given = asyncio.Event()

    def submit(self, *_: Any, **__: Any) -> Any:
        self.given.set()
        return Future[None]()


async def test_a_search_that_is_left_while_traces_are_folded_ends_its_call(
    old: FakeJaeger,
) -> None:
    many = [span("store", "Query", tags={"text": "x" * 50_000}) for _ in range(30)]
    old.add(trace(span("petstore", "AddPets", start=at(1), children=many)))
    old.hang(method="FindTraces", after=1)
    busy = Busy()
    asyncio.get_running_loop().set_default_executor(busy)
    reader = asyncio.create_task(client(old).find(HOUR))
    await busy.given.wait()
    reader.cancel()
    await old.until(lambda: old.cancelled == ["FindTraces"])


class TestOldest:
    """A server with api_v2 only, which sends a trace in pieces."""

    async def test_it_puts_a_trace_together(self, oldest: FakeJaeger) -> None:
        many = [span("store", "Query", tags={"n": n}) for n in range(100)]
        trace_id = oldest.add(trace(span("petstore", "AddPets", start=at(1), children=many)))
        jaeger = client(oldest)
        (summary,) = (await jaeger.find(HOUR)).summaries
        assert (summary.trace_id, summary.span_count) == (trace_id, 101)
        assert (summary.service, summary.services) == ("petstore", ("petstore", "store"))
        found = await jaeger.trace(trace_id)
        assert {each.attributes.get("n") for each in found} == {None, *range(100)}

    async def test_it_refuses_a_trace_whose_pieces_add_up(self, oldest: FakeJaeger) -> None:
        many = [span("store", "Query", tags={"text": "x" * 50_000}) for _ in range(100)]
        trace_id = oldest.add(trace(*many))
        oldest.hang(method="GetTrace", after=9)
        with pytest.raises(BackendUnavailable, match="more than 4 MiB for one trace, more than is"):
            await client(oldest, largest_message=4 * 1024**2).trace(trace_id)
        await oldest.until(lambda: oldest.cancelled == ["GetTrace"])

    async def test_it_says_that_the_port_is_wrong_where_neither_is_offered(self) -> None:
        async with fake_instance() as instance:
            jaeger = client(instance.address)
            for call in (jaeger.services(), jaeger.find(HOUR), jaeger.trace("ab")):
                with pytest.raises(BackendUnavailable, match="does not offer this") as caught:
                    await call
                assert "the address must be Jaeger's gRPC port, usually 16685" in str(caught.value)


class TestReconnect:
    async def test_it_asks_for_summaries_once_a_connection(self, old: FakeJaeger) -> None:
        jaeger = client(old)
        await jaeger.find(HOUR)
        await jaeger.find(replace(HOUR, limit=3))
        assert old.methods() == ["FindTraceSummaries", "FindTraces", "FindTraces"]

    async def test_it_asks_for_the_newer_service_once_a_connection(
        self, oldest: FakeJaeger
    ) -> None:
        trace_id = oldest.add(trace(span("petstore", "A", start=at(1))))
        jaeger = client(oldest)
        await jaeger.services()
        await jaeger.operations("petstore")
        await jaeger.find(HOUR)
        await jaeger.trace(trace_id)
        assert oldest.methods() == ["GetServices", "GetOperations", "FindTraces", "GetTrace"]
        assert oldest.unknown == ["/jaeger.api_v3.QueryService/GetServices"]

    async def test_it_notices_that_the_server_was_upgraded(self, dated: FakeJaeger) -> None:
        jaeger = client(dated)
        await jaeger.find(HOUR)
        await dated.stop()
        upgraded = await FakeJaeger("2.20").start(dated.address)
        for limit in range(1, 10):
            with contextlib.suppress(BackendUnavailable):
                await jaeger.find(replace(HOUR, limit=limit))
        assert upgraded.methods()[-1] == "FindTraceSummaries"
        await upgraded.stop()


class TestTrouble:
    async def test_it_sends_the_headers_of_the_site(self) -> None:
        async with FakeJaeger(tenant_header="x-tenant", tenants=["team-a"]) as fake:
            headers = {"x-tenant": "team-a", "bearer.token": "opensesame"}
            await client(fake, headers=headers).find(HOUR)
            await client(fake, headers=headers).services()
            assert fake.calls[-1].metadata["bearer.token"] == "opensesame"

    async def test_it_says_that_the_tenant_is_missing(self) -> None:
        async with FakeJaeger(tenant_header="x-tenant", tenants=["team-a"]) as fake:
            jaeger = client(fake)
            for _ in range(FAILURES + 1):
                with pytest.raises(BackendUnavailable) as caught:
                    await jaeger.find(HOUR)
                assert str(caught.value) == (
                    f"Jaeger of production at {fake.address} wants credentials: missing tenant "
                    "header; give them as headers in [sites.production.jaeger]"
                )

    async def test_it_speaks_tls(self) -> None:
        async with FakeJaeger(credentials=tls.grpcs()) as fake:
            assert await client(fake, tls=Tls(ca=tls.CA)).services() == ()

    async def test_it_gives_up_in_time(self, fake: FakeJaeger) -> None:
        fake.hang()
        jaeger = client(fake, timeout=200 * MILLISECOND)
        with pytest.raises(BackendTimeout, match="did not answer within 200 ms"):
            await jaeger.find(HOUR)

    async def test_it_reports_a_stream_that_breaks_off(self, fake: FakeJaeger) -> None:
        fake.add(*(trace(span("petstore", "A", start=at(n))) for n in range(1, 5)))
        fake.fail(grpc.StatusCode.INTERNAL, "the storage is gone", after=2)
        with pytest.raises(BackendUnavailable, match="fails: the storage is gone"):
            await client(fake).find(HOUR)

    async def test_it_is_not_delayed_by_another_site(self, fake: FakeJaeger) -> None:
        async with FakeJaeger() as stuck:
            stuck.hang()
            waiting = asyncio.create_task(client(stuck).services())
            await stuck.until(lambda: stuck.calls)
            assert await client(fake).services() == ()
            assert not waiting.done()
            waiting.cancel()
            await asyncio.wait([waiting])
