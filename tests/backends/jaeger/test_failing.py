"""Which spans failed: one answer, whichever API and release, in a list, a trace and a filter."""

from dataclasses import replace
from typing import Any

import pytest

from ops.traces.trace import build_trace
from tests.backends.conftest import HOUR, at, client
from tests.fakes.jaeger import FakeJaeger, Planned, span, trace

FAILED = (("error", "true"),)
SPANS: list[tuple[dict[str, Any], bool]] = [
    ({}, False),
    ({"error": "no"}, True),
    ({"error": ""}, True),
    ({"tags": {"error": True}}, True),
    ({"tags": {"error": "TRUE"}}, True),
    ({"tags": {"error": False}}, False),
    ({"tags": {"error": "connection refused"}}, False),
    ({"tags": {"error": 1}}, False),
    ({"tags": {"otel.status_code": "ERROR"}}, True),
    ({"tags": {"otel.status_code": "error"}}, True),
    ({"tags": {"otel.status_code": "OK"}}, False),
    ({"tags": {"otel.status_code": 2}}, False),
    ({"error": "no", "tags": {"error": False}}, True),
    ({"error": "no", "tags": {"otel.status_code": "OK", "error": "x"}}, True),
    ({"tags": {"error": True, "otel.status_code": "OK"}}, True),
    ({"events": [("retry", {"error": True})]}, False),
    ({"resource": {"error": "true"}}, False),
]


def planned(fields: dict[str, Any]) -> Planned:
    return span("petstore", "A", start=at(1), **fields)


@pytest.mark.parametrize(("fields", "failed"), SPANS, ids=str)
async def test_a_trace_says_what_failed(
    fake: FakeJaeger, fields: dict[str, Any], failed: bool
) -> None:
    trace_id = fake.add(trace(planned(fields)))
    spans = await client(fake).trace(trace_id)
    assert next(iter(spans)).error == failed
    assert bool(build_trace("", trace_id, spans).errors) == failed


@pytest.mark.parametrize(("fields", "failed"), SPANS, ids=str)
async def test_a_list_and_a_filter_say_the_same_where_whole_traces_come(
    dated: FakeJaeger, fields: dict[str, Any], failed: bool
) -> None:
    dated.add(trace(planned(fields)))
    (listed,) = (await client(dated).find(HOUR)).summaries
    found = await client(dated).find(replace(HOUR, tags=FAILED))
    without = await client(dated).find(replace(HOUR, tags=(("error", "false"),)))
    assert listed.error_count == failed
    assert (len(found.summaries), len(without.summaries)) == (failed, not failed)
    assert not (found.by_status or without.by_status)


@pytest.mark.parametrize("release", ["2.20", "main"])
async def test_a_list_of_jaegers_own_says_that_it_goes_by_status(release: Any) -> None:
    async with FakeJaeger(release) as fake:
        fake.add(trace(planned({"tags": {"error": True}})))
        found = await client(fake).find(HOUR)
    assert [each.error_count for each in found.summaries] == [0]
    assert found.by_status and found.since(0).by_status


@pytest.mark.parametrize("text", ["connection refused", "", 'say "no"', "5"])
async def test_an_error_that_is_a_text_is_found(fake: FakeJaeger, text: str) -> None:
    wanted = fake.add(trace(planned({"tags": {"error": text, "span.no": 7}, "kind": "client"})))
    fake.add(trace(planned({"tags": {"error": f"{text}?"}})), trace(planned({"error": text})))
    for more in ((), (("span.no", "7"),), (("span.kind", "client"),)):
        found = await client(fake).find(replace(HOUR, tags=(("error", text), *more)))
        assert [each.trace_id for each in found.summaries] == [wanted]


async def test_elasticsearch_is_asked_for_an_error_that_is_a_text(new: FakeJaeger) -> None:
    await client(new, tag_values="regex").find(replace(HOUR, tags=(("error", "no (disk)"),)))
    assert new.methods() == ["FindTraceSummaries"]
    assert dict(new.calls[0].request.query.attributes) == {"error": r"no \(disk\)"}
