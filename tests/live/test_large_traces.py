"""A Jaeger that holds 3,000 small traces and one each of 10,000 and 100,000 spans."""

import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from ops.actor import Actor
from ops.traces.actions import find_spans, list_traces, show_trace
from ops.vocabulary.filters import TraceQuery
from ops.vocabulary.timerange import HOUR, SECOND, Moment, TimeRange
from tests.conftest import Person, SiteFile, actor_of
from tests.live import servers
from tests.live.large import large_trace, send, small_traces

SMALL = 3_000
LARGE = (10_000, 100_000)
SELECT = "SELECT * FROM pets WHERE id = 9999"
pytestmark = pytest.mark.django_db(transaction=True)


@dataclass(frozen=True)
class Held:
    """The ids of the large traces by their size, and a moment after all."""

    ids: dict[int, str]
    end: int


@pytest.fixture
async def held(tmp_path: Path, site_file: SiteFile) -> AsyncIterator[Held]:
    # Sent is written then: who reads a trace that memory storage adds to can make Jaeger panic.
    with servers.jaeger(tmp_path, batches=False) as jaeger:
        now = time.time_ns()
        await send(jaeger.otlp, small_traces(SMALL, now - SMALL * SECOND))
        ids = {}
        for count in LARGE:
            trace_id, batches = large_trace(count, now - HOUR)
            await send(jaeger.otlp, batches)
            ids[count] = trace_id
        site_file(f'[sites.p.jaeger]\naddress = "{jaeger.query}"\n[sites.p.services.petstore]')
        yield Held(ids, now)


@pytest.fixture
def reader(person: Person) -> Actor:
    return actor_of(person("rita", "viewers"))


@pytest.mark.parametrize("count", LARGE)
async def test_it_reads_a_large_one_whole(reader: Actor, held: Held, count: int) -> None:
    trace_id = held.ids[count]
    trace = await show_trace(reader, trace_id=trace_id)
    assert (trace.span_count, trace.service, trace.missing_parents) == (count, "petstore", 0)
    assert len(trace.rows) == count
    assert trace.error_count == len(trace.spans.failing) > 0
    found = await find_spans(reader, trace_id=trace_id, text="deadline exceeded")
    assert {trace.rows.numbers[row] for row in found} == trace.spans.failing
    [row] = await find_spans(reader, trace_id=trace_id, text="db.statement=" + SELECT)
    span = trace.rows[row].span
    assert span and span.attributes["db.statement"] == SELECT


async def test_a_list_has_exactly_the_newest(reader: Actor, held: Held) -> None:
    window = TimeRange(Moment(held.end - (SMALL + 10) * SECOND), Moment(held.end))

    found = await list_traces(reader, query=TraceQuery(range=window, limit=1_500))

    starts = [trace.start for trace in found.traces]
    assert starts == [held.end - (number + 1) * SECOND for number in range(1_500)]
    assert found.more
    assert found.older
    older = await list_traces(reader, query=found.older)
    assert [trace.start for trace in older.traces] == [
        held.end - (number + 1) * SECOND for number in range(1_500, 3_000)
    ]
