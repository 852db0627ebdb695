"""Searches of the Jaeger client against releases 2.13, 2.20 and main on port 0."""

import asyncio
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest

from ops.vocabulary import timerange
from tests.backends.conftest import HOUR, PAST, at, client
from tests.fakes.jaeger import MILLISECOND, FakeJaeger, span, trace


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
        assert min(depths) >= 16
        assert len(depths) <= 5
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
        assert (query.start_time_min.nanos, query.start_time_max.nanos) == (0, 999_999_999)

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
        """The end is not searched, and the store includes the last of its window."""
        search = replace(HOUR, start=PAST - timerange.HOUR + 1, end=PAST - 3)
        await client(new).find(search)
        query = new.calls[0].request.query
        assert query.start_time_max.ToNanoseconds() == PAST - 4
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


async def test_searches_for_other_durations_share_what_each_of_them_tests(old: FakeJaeger) -> None:
    """Once it is known that an answer has few spans."""
    for number in range(1, 31):
        slow = span("petstore", "A", start=at(number), duration=number * MILLISECOND)
        old.add(trace(replace(slow, children=[span("petstore", "B", duration=MILLISECOND)])))
    jaeger = client(old)
    search = replace(HOUR, service="petstore", limit=30)
    await jaeger.find(replace(search, span_min=16 * MILLISECOND))
    asked = len(old.calls)
    for least in range(17, 30):
        for most in (0, least + 1):
            wanted = range(least, most + 1 if most else 31)
            low, high = least * MILLISECOND, most * MILLISECOND
            found = await jaeger.find(replace(search, span_min=low, span_max=high))
            assert [each.start for each in found.summaries] == [at(n) for n in wanted if n < 31]
            assert all(each.matched == each.start for each in found.summaries)
    assert len(old.calls) - asked < 26


async def test_searches_of_the_past_that_end_at_different_moments_share(fake: FakeJaeger) -> None:
    """As far as nothing is read for them twice that a first one has read."""
    for number in range(1, 201):
        slow = span("petstore", "A", start=at(number / 6), duration=number * MILLISECOND)
        fake.add(trace(replace(slow, children=[span("petstore", "B", duration=MILLISECOND)])))
    jaeger = client(fake)
    calls = []
    for tenths in range(60):
        end = at(tenths / 10)
        search = replace(HOUR, end=end, service="petstore", operation="A", limit=10)
        found = await jaeger.find(search, settled=True)
        newest = next(number for number in range(1, 201) if at(number / 6) < end)
        wanted = [at(number / 6) for number in range(newest, newest + 10)]
        assert [each.matched for each in found.summaries] == wanted
        calls.append(found.calls)
    if fake.release != "1.x":
        assert sum(calls[2:]) < 20
        fake.hang()
        assert await jaeger.find(search, settled=True) == replace(found, calls=0)


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
