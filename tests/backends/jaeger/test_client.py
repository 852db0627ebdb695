"""The Jaeger client against releases 2.13, 2.20 and main on port 0: one trace, and bad days."""

import asyncio
import contextlib
from dataclasses import replace

import grpc
import pytest

from ops.backends.breaker import FAILURES
from ops.errors import BackendTimeout, BackendUnavailable, InvalidInput, NotFound
from ops.sites import Tls
from tests.backends.conftest import HOUR, at, client
from tests.fakes import tls
from tests.fakes.instance import fake_instance
from tests.fakes.jaeger import MILLISECOND, FakeJaeger, span, trace


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
        with pytest.raises(InvalidInput, match="refused the request: malform trace ID"):
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
                f"Jaeger of production at {fake.address} answered with {size}, more than the "
                "limit; raise largest_message_mib in [sites.production.jaeger]"
            )

    async def test_it_takes_no_search_that_is_larger(self, new: FakeJaeger) -> None:
        for minute in range(1, 51):
            new.add(trace(span("petstore", "x" * 100_000, start=at(minute))))
        sentence = "more than 4 MiB for one search, more than the"
        with pytest.raises(BackendUnavailable, match=sentence):
            await client(new, largest_message=4 * 1024**2).find(replace(HOUR, limit=50))


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
        with pytest.raises(
            BackendUnavailable, match="more than 4 MiB for one trace, more than the"
        ):
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
        try:
            for limit in range(1, 10):
                with contextlib.suppress(BackendUnavailable):
                    await jaeger.find(replace(HOUR, limit=limit))
            assert upgraded.methods()[-1] == "FindTraceSummaries"
        finally:
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
                    f"Jaeger of production at {fake.address} requires credentials: missing tenant "
                    "header; set them as headers in [sites.production.jaeger]"
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
        with pytest.raises(BackendUnavailable, match="failed: the storage is gone"):
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
