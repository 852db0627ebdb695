import pytest

from ops.errors import InvalidInput
from ops.rpc import messages
from ops.rpc.trace_lists import trace_list
from ops.traces.actions import TraceList
from ops.vocabulary.filters import Place
from ops.vocabulary.summaries import TraceSummary
from ops.vocabulary.timerange import Moment, now_ns
from proto.ops import ops_pb2


def written(found: TraceList) -> ops_pb2.ListTracesResp:
    return ops_pb2.ListTracesResp.FromString(trace_list(found))


def test_it_keeps_a_span_with_an_impossible_time_from_taking_the_others_along() -> None:
    odd = TraceSummary("1" * 32, 2**64 - 1, 2**64 - 1, "", "", 1, 0, (), as_stored=True)
    query = messages.trace_query(ops_pb2.ListTracesReq())
    (item,) = written(TraceList(query, 0, 1, (odd,), 1)).traces
    assert item.start == item.duration == 2**63 - 1
    assert item.counted_as_stored


def test_a_trace_in_several_lists_is_in_each_of_them_where_it_belongs() -> None:
    query = messages.trace_query(ops_pb2.ListTracesReq())
    traces = [TraceSummary(f"{number:032x}", 1, 1, "", "", 1, 0, ()) for number in range(3)]
    traces.append(TraceSummary("f" * 32, 1, 1, "", "x" * 20_000, 1, 0, ()))  # a large one
    for several in (traces, traces[::-1], traces[1:3]):
        found = written(TraceList(query, 0, 9, tuple(several), 7, rest=Place(5), searched_to=9))
        assert [each.id for each in found.traces] == [each.trace_id for each in several]
        assert (found.fetched, found.more, found.older_end) == (7, True, 6)


@pytest.mark.parametrize("start", [0, -6795364578871345152])
@pytest.mark.parametrize("end", [0, 1795469320743000000])
def test_without_a_start_there_is_no_lower_bound(start: int, end: int) -> None:
    before = now_ns()
    query = messages.trace_query(ops_pb2.ListTracesReq(start=start, end=end, duration_min=-1))
    found = query.range.start_end()
    assert found[1] == end or before <= found[1] <= now_ns()
    assert found[0] == 0
    assert (query.limit, query.span_min) == (20, 0)


@pytest.mark.parametrize(("asked", "limit"), [(0, 20), (1_500, 1_500), (2_147_483_647, 1_500)])
def test_it_lists_as_many_as_it_can_and_says_how_many(asked: int, limit: int) -> None:
    query = messages.trace_query(ops_pb2.ListTracesReq(search_depth=asked))
    found = TraceList(query, 0, 1, (), 0)
    assert written(found).limit == query.limit == limit


@pytest.mark.parametrize(
    "token", ["x", "5", "5/", "-5/5", "5/5/xyz", "5/now", f"{2**63}/5", "9" * 999]
)
def test_it_refuses_a_token_that_is_not_its_own(token: str) -> None:
    with pytest.raises(InvalidInput, match="page_token"):
        messages.trace_query(ops_pb2.ListTracesReq(page_token=token))


def test_it_reads_every_field_of_a_search() -> None:
    request = ops_pb2.ListTracesReq(
        service="petstore",
        operation="AddPets",
        tags=["error", "http.method=GET", 'key= "two words" ', '"a=b"=c'],
        start=1,
        end=2,
        duration_min=3,
        duration_max=4,
        search_depth=5,
        site="demo",
        trace_duration_min=6,
        trace_duration_max=7,
    )
    query = messages.trace_query(request)
    assert (query.site, query.service, query.operation) == ("demo", "petstore", "AddPets")
    assert query.tags == (
        ("error", "true"), ("http.method", "GET"), ("key", ' "two words" '), ("a=b", "c"),
    )  # fmt: skip
    assert (query.range.start, query.range.end) == (Moment(1), Moment(2))
    assert (query.span_min, query.span_max, query.trace_min, query.trace_max) == (3, 4, 6, 7)
    assert query.limit == 5
