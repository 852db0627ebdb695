"""Many queries of one server, asked as few."""

from collections.abc import AsyncIterator, Sequence

import pytest
from pytest_django import Settings

from ops.backends.prometheus import Matrix, Prometheus, Vector
from ops.backends.prometheus.batching import FEW, Batcher, QueryKind, Timed
from ops.errors import BackendTimeout, BackendUnavailable, InvalidInput, OpsError
from ops.sites import PrometheusSource
from ops.vocabulary import timerange
from tests.backends.conftest import make_site
from tests.fakes.prometheus import FakePrometheus, Fault

MANY = 120
QUERIES = [f'sum(rate(requests{{job="{number}"}}[1m]))' for number in range(MANY)]


@pytest.fixture
async def prometheus(fake_prometheus: FakePrometheus) -> AsyncIterator[Prometheus]:
    for number, query in enumerate(QUERIES):
        fake_prometheus.says(query, ({"job": str(number)}, number))
    async for each in connected(fake_prometheus):
        yield each


async def connected(fake: FakePrometheus) -> AsyncIterator[Prometheus]:
    source = PrometheusSource("main", fake.url)
    client = Prometheus(make_site(prometheus=(source,)), source)
    yield client
    await client.close()


def values(answer: Vector | OpsError) -> list[tuple[dict[str, str], float]]:
    assert isinstance(answer, Vector), answer
    return [(dict(sample.labels), sample.value) for sample in answer.samples]


async def test_each_query_gets_its_own_answer_of_few_requests(
    prometheus: Prometheus, fake_prometheus: FakePrometheus
) -> None:
    nothing = QUERIES[7]
    del fake_prometheus.answers[nothing]
    found = await prometheus.queries([*QUERIES, QUERIES[0]])
    assert values(found[nothing]) == []
    for number, query in enumerate(QUERIES):
        assert query == nothing or values(found[query]) == [({"job": str(number)}, number)]
    assert len(fake_prometheus.paths) <= MANY / 10


async def test_few_are_asked_as_they_are(
    prometheus: Prometheus, fake_prometheus: FakePrometheus
) -> None:
    await prometheus.queries(QUERIES[: FEW - 1])
    assert sorted(form["query"] for form in fake_prometheus.forms) == sorted(QUERIES[: FEW - 1])


async def test_what_several_series_say_stays_together(
    prometheus: Prometheus, fake_prometheus: FakePrometheus
) -> None:
    fake_prometheus.says(QUERIES[3], ({"instance": "a"}, 1), ({"instance": "b"}, 2))
    found = await prometheus.queries(QUERIES)
    assert sorted(values(found[QUERIES[3]]), key=lambda each: each[1]) == [
        ({"instance": "a"}, 1),
        ({"instance": "b"}, 2),
    ]


async def test_a_wrong_query_spoils_no_other_and_has_its_own_sentence(
    prometheus: Prometheus, fake_prometheus: FakePrometheus
) -> None:
    wrong = QUERIES[40]
    fake_prometheus.bad[wrong] = "1:5: parse error: unexpected end"
    found = await prometheus.queries(QUERIES)
    assert isinstance(found[wrong], InvalidInput)
    assert "1:5: parse error: unexpected end" in str(found[wrong])
    assert sum(isinstance(answer, Vector) for answer in found.values()) == MANY - 1

    fake_prometheus.paths.clear()
    again = await prometheus.queries([*QUERIES, "up"])
    assert isinstance(again[wrong], InvalidInput)
    assert len(fake_prometheus.paths) <= MANY / 10, "it is asked alone from then on"


async def test_one_that_cannot_be_joined_is_asked_alone(
    prometheus: Prometheus, fake_prometheus: FakePrometheus
) -> None:
    fake_prometheus.scalars = {QUERIES[0], QUERIES[99]}
    found = await prometheus.queries(QUERIES)
    assert [values(found[query])[0][1] for query in QUERIES] == list(range(MANY))


async def test_one_that_ends_with_a_comment_cuts_off_no_other(
    prometheus: Prometheus, fake_prometheus: FakePrometheus
) -> None:
    fake_prometheus.says("up # as it is", ({}, 1))
    found = await prometheus.queries(["up # as it is", *QUERIES])
    assert values(found["up # as it is"]) == [({}, 1)]
    sent = [form["query"] for form in fake_prometheus.forms if "# as it is" in form["query"]]
    assert all("# as it is\n" in query for query in sent)


async def test_a_server_that_joins_otherwise_is_asked_one_by_one() -> None:
    async with FakePrometheus(joins=False) as fake:
        for number, query in enumerate(QUERIES):
            fake.says(query, ({}, number))
        async for prometheus in connected(fake):
            found = await prometheus.queries(QUERIES)
    assert [values(found[query]) for query in QUERIES] == [[({}, n)] for n in range(MANY)]


async def test_a_server_that_fails_says_so_for_each(
    prometheus: Prometheus, fake_prometheus: FakePrometheus
) -> None:
    fake_prometheus.fault = Fault.INTERNAL
    found = await prometheus.queries(QUERIES)
    assert all("the storage is gone" in str(answer) for answer in found.values())
    assert all(isinstance(answer, BackendUnavailable) for answer in found.values())


async def test_ranges_are_joined_as_well(
    prometheus: Prometheus, fake_prometheus: FakePrometheus
) -> None:
    for query in QUERIES:
        fake_prometheus.remembers(query, {"of": query})
    hour = {"start": 0, "end": timerange.HOUR, "step": timerange.MINUTE}
    found = await prometheus.query_ranges(QUERIES, **hour)
    for query in QUERIES:
        answer = found[query]
        assert isinstance(answer, Matrix)
        assert [dict(series.labels) for series in answer.series] == [{"of": query}]
    assert len(fake_prometheus.paths) <= MANY / 10


class Slow:
    """A server that takes so many seconds for each query, and gives up after ten."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.sizes: list[int] = []

    async def ask(self, text: str) -> Timed[int]:
        size = max(text.count("label_replace"), 1)
        self.sizes.append(size)
        if size * self.seconds > 10:
            raise BackendTimeout("too slow", backend="Slow")
        return Timed(size, size * self.seconds)

    def apart(self, answer: int, count: int) -> Sequence[int]:
        return [1] * answer

    def size(self, answer: int) -> int:
        return answer


@pytest.mark.parametrize(("seconds", "largest"), [(0.001, 50), (0.2, 11), (3.0, 1)])
async def test_as_many_are_joined_as_the_server_answers_in_a_moment(
    seconds: float, largest: int, settings: Settings
) -> None:
    settings.PATIENCE = 1.0
    server, batcher = Slow(seconds), Batcher()
    kind = QueryKind(server.ask, server.apart, server.size)
    for _ in range(8):
        server.sizes.clear()
        found = await batcher.run(QUERIES, kind)
        assert found == dict.fromkeys(QUERIES, 1), "whatever it takes, each has its answer"
    assert max(server.sizes) <= largest
    assert max(server.sizes) >= largest / 2
