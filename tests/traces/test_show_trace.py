import json
from dataclasses import replace
from typing import Any

import grpc
import pytest

from ops.actor import Actor
from ops.backends.clients import clients
from ops.caching import Shared
from ops.errors import BackendUnavailable, InvalidInput, NotFound, NotPermitted
from ops.traces.actions import LogFilter, export_trace, show_logs, show_trace
from ops.traces.fetching import MANY_SPANS, kept_for
from ops.vocabulary.timerange import HOUR, MILLISECOND, SECOND, now_ns
from tests.conftest import SiteFile
from tests.fakes.jaeger import FakeJaeger, Release, span, trace

pytestmark = pytest.mark.django_db(transaction=True)

NOON = 1_704_110_400 * SECOND  # 2024-01-01T12:00:00Z, long past
ID = "00000000000000000000000000000abc"
SITES = """
[sites.production]
jaeger = {{ address = "{0}", ui = "https://jaeger.example.com/jaeger" }}
[sites.staging]
jaeger = {{ address = "{1}" }}
[sites.empty]
"""


@pytest.fixture(autouse=True)
def two_sites(site_file: SiteFile, jaeger: FakeJaeger, second: FakeJaeger) -> None:
    site_file(SITES.format(jaeger.address, second.address))


def add(jaeger: FakeJaeger) -> None:
    """The trace ID: a call that fails in the store, and what both logged."""
    query = span(
        "store",
        "Query",
        start=NOON + MILLISECOND,
        error="deadline exceeded",
        tags={"db.system": "sql"},
        events=[("retry", {"attempt": 1}), ("exception", {"exception.message": "too late"})],
        warnings=["clock skew"],
        span_id="00000000000000b2",
    )
    call = span(
        "petstore",
        "SearchPets",
        start=NOON,
        duration=30 * MILLISECOND,
        events=[("received", {"pets": 3})],
        children=[query],
        span_id="00000000000000a1",
    )
    jaeger.add(trace(call, trace_id="abc"))


async def test_it_shows_a_trace(viewer: Actor, jaeger: FakeJaeger) -> None:
    add(jaeger)

    found = await show_trace(viewer, trace_id=ID, site="production")

    assert (found.site, found.trace_id) == ("production", ID)
    assert (found.service, found.operation) == ("petstore", "SearchPets")
    assert (found.start, found.duration) == (NOON, 30 * MILLISECOND)
    assert [row.span.operation for row in found.rows if row.span] == ["SearchPets", "Query"]
    assert [error.sentence for error in found.errors] == ["Query: deadline exceeded"]
    assert found.errors[0].path == ("SearchPets", "Query")
    derived = ["error", "otel.status_code", "otel.status_description", "span.kind"]
    assert (found.tags(), found.warnings) == (["db.system", *derived], ("clock skew",))
    assert found.jaeger_url == f"https://jaeger.example.com/jaeger/trace/{ID}"


async def test_it_shows_the_logs_in_time_order(viewer: Actor, jaeger: FakeJaeger) -> None:
    add(jaeger)

    found = await show_logs(viewer, trace_id=ID)

    assert (found.site, found.trace_id, found.start) == ("production", ID, NOON)
    assert (found.service, found.operation) == ("petstore", "SearchPets")
    assert [(each.time - NOON, each.service, each.name) for each in found.lines] == [
        (0, "petstore", "received"),
        (MILLISECOND, "store", "retry"),
        (2 * MILLISECOND, "store", "exception"),
    ]
    last = found.lines[-1]
    assert (last.operation, last.span_id) == ("Query", "00000000000000b2")
    assert last.attributes == {"exception.message": "too late"}
    assert found.jaeger_url == f"https://jaeger.example.com/jaeger/trace/{ID}"


async def test_it_shows_the_logs_that_one_looks_for(viewer: Actor, jaeger: FakeJaeger) -> None:
    add(jaeger)

    for filter, names in (
        (LogFilter(), ["received", "retry", "exception"]),
        (LogFilter(text="TOO LATE"), ["exception"]),
        (LogFilter(text="PETS=3"), ["received"]),
        (LogFilter(text="re", service="store"), ["retry"]),
        (LogFilter(field="attempt=1"), ["retry"]),
        (LogFilter(field="attempt"), ["retry"]),
        (LogFilter(field="exception.message=too"), []),
        (LogFilter(span_id="00000000000000a1"), ["received"]),
        (LogFilter(service="nobody"), []),
    ):
        found = await show_logs(viewer, trace_id=ID, filter=filter)

        assert [line.name for line in found.lines] == names, filter
        assert (found.total, found.services) == (3, {"petstore": 1, "store": 2})
        assert found.filter == filter


async def test_it_looks_through_logs_as_people_see_them(viewer: Actor, jaeger: FakeJaeger) -> None:
    events: list[tuple[str, dict[str, Any]]] = [
        ("größe", {}),
        ("flags", {"on": True, "share": 0.25}),
        ("nested", {"all": ["a", {"b": 7}], "raw": b"\xbe\xef"}),
    ]
    jaeger.add(trace(span("petstore", "x", start=NOON, events=events), trace_id="abc"))

    for text, names in (
        ("GRÖSSE", ["größe"]),
        ("on=true", ["flags"]),
        ("0.25", ["flags"]),
        ('{"b": 7}', ["nested"]),
        ("beef", ["nested"]),
    ):
        found = await show_logs(viewer, trace_id=ID, filter=LogFilter(text=text))

        assert [line.name for line in found.lines] == names, text


async def test_it_exports_a_trace(viewer: Actor, jaeger: FakeJaeger) -> None:
    add(jaeger)

    found = await export_trace(viewer, trace_id="ABC")

    spans = [
        each
        for resource in json.loads(b"".join(found.pieces))["resourceSpans"]
        for scope in resource["scopeSpans"]
        for each in scope["spans"]
    ]
    assert (found.site, found.trace_id) == ("production", ID)
    assert {(each["traceId"], each["spanId"]) for each in spans} == {
        (ID, "00000000000000a1"),
        (ID, "00000000000000b2"),
    }


@pytest.mark.parametrize("text", ["abc", "ABC", "0abc", ID, f" {ID} "])
async def test_it_accepts_ids_of_any_length_and_case(
    viewer: Actor, jaeger: FakeJaeger, text: str
) -> None:
    add(jaeger)

    assert (await show_trace(viewer, trace_id=text)).trace_id == ID


@pytest.mark.parametrize("text", ["", "xyz", "1" * 33, "0", "0" * 32, "a b", "../etc", "١٢"])
async def test_a_bad_id_never_reaches_jaeger(viewer: Actor, jaeger: FakeJaeger, text: str) -> None:
    for action in (show_trace, show_logs, export_trace):
        with pytest.raises(InvalidInput, match="is not a trace ID: it must be 1 to 32 hex digits"):
            await action(viewer, trace_id=text, site="production")

    assert jaeger.calls == []


@pytest.mark.parametrize("release", ["2.13", "2.20", "main"])
async def test_not_found_is_one_error_whatever_the_release(
    viewer: Actor, site_file: SiteFile, release: Release
) -> None:
    async with FakeJaeger(release) as server:
        site_file(f'[sites.p]\njaeger = {{ address = "{server.address}" }}')

        with pytest.raises(NotFound, match=f"^Jaeger of p has no trace {ID}$"):
            await show_trace(viewer, trace_id="abc")


async def test_without_a_site_it_asks_all_and_the_first_that_has_it_counts(
    viewer: Actor, jaeger: FakeJaeger, second: FakeJaeger
) -> None:
    add(second)
    jaeger.hang()

    found = await show_trace(viewer, trace_id=ID)

    assert (found.site, found.jaeger_url) == ("staging", "")
    await jaeger.until(lambda: jaeger.cancelled)


async def test_a_named_site_is_the_only_one_asked(
    viewer: Actor, jaeger: FakeJaeger, second: FakeJaeger
) -> None:
    add(second)

    with pytest.raises(NotFound, match=f"^Jaeger of production has no trace {ID}$"):
        await show_trace(viewer, trace_id=ID, site="production")
    assert second.calls == []


async def test_it_says_that_no_site_has_the_trace(viewer: Actor) -> None:
    with pytest.raises(NotFound, match=f"^no site has the trace {ID}$"):
        await show_trace(viewer, trace_id=ID)


async def test_it_says_which_site_did_not_answer(viewer: Actor, jaeger: FakeJaeger) -> None:
    jaeger.fail(grpc.StatusCode.UNAVAILABLE, "away")

    with pytest.raises(NotFound) as refusal:
        await show_trace(viewer, trace_id=ID)

    assert str(refusal.value).startswith(
        f"no site has the trace {ID}; it may be on one that did not answer: Jaeger of production "
    )


async def test_it_fails_when_no_site_answers(
    viewer: Actor, jaeger: FakeJaeger, second: FakeJaeger
) -> None:
    jaeger.fail(grpc.StatusCode.UNAVAILABLE, "away")
    second.fail(grpc.StatusCode.UNAVAILABLE, "away")

    with pytest.raises(BackendUnavailable, match=r"^no site answered: Jaeger of ") as refusal:
        await show_trace(viewer, trace_id=ID)
    assert "Jaeger of production" in str(refusal.value)
    assert "Jaeger of staging" in str(refusal.value)


async def test_it_says_that_there_is_no_jaeger_to_ask(viewer: Actor, site_file: SiteFile) -> None:
    site_file("[sites.a]\n[sites.b]")

    with pytest.raises(NotFound, match='site "a" has no Jaeger'):
        await show_trace(viewer, trace_id=ID)


async def test_a_finished_trace_is_asked_of_jaeger_once(viewer: Actor, jaeger: FakeJaeger) -> None:
    add(jaeger)
    young = jaeger.add(trace(span("petstore", "AddPets")))

    shown = await show_trace(viewer, trace_id=ID, site="production")
    await show_trace(viewer, trace_id=young, site="production")
    clients().reads = Shared()  # as a second later
    await jaeger.stop()

    assert await show_trace(viewer, trace_id=ID, site="production") is shown
    assert (await show_logs(viewer, trace_id=ID, site="production")).total
    assert clients().kept.get(("trace", "production", young)) is None


async def test_what_is_kept_is_asked_for_anew_when_one_wants_it_newer(
    viewer: Actor, jaeger: FakeJaeger
) -> None:
    add(jaeger)
    first = await show_trace(viewer, trace_id=ID, site="production")
    jaeger.add(trace(span("store", "late", parent_id="00000000000000b2"), trace_id="abc"))

    kept = await show_trace(viewer, trace_id=ID, site="production", newer_than=first.as_of)
    anew = await show_trace(viewer, trace_id=ID, newer_than=first.as_of + 1)
    after = await show_trace(viewer, trace_id=ID, site="production")

    assert (first.span_count, anew.span_count) == (2, 3)
    assert kept is first
    assert after is anew
    assert first.as_of < anew.as_of <= now_ns()


async def test_a_trace_that_has_just_ended_is_kept_for_less(
    viewer: Actor, jaeger: FakeJaeger
) -> None:
    add(jaeger)
    found = await show_trace(viewer, trace_id=ID, site="production")
    spans = found.spans

    for ago, anew, seconds in ((HOUR, False, 300), (90, False, 45), (30, False, 0), (30, True, 5)):
        as_of = found.start + found.duration + ago * SECOND
        rows = replace(found.rows, spans=replace(spans, as_of=as_of))
        assert kept_for(replace(found, rows=rows), anew=anew) == seconds


async def test_it_builds_large_traces_alike(viewer: Actor, jaeger: FakeJaeger) -> None:
    children = [
        span("petstore", f"op{n}", start=NOON + n, events=[("e", {})]) for n in range(MANY_SPANS)
    ]
    jaeger.add(trace(span("petstore", "root", start=NOON, children=children), trace_id="abc"))

    found = await show_trace(viewer, trace_id=ID)
    logs = await show_logs(viewer, trace_id=ID)

    assert (found.span_count, found.operation) == (MANY_SPANS + 1, "root")
    assert [each.operation for each in logs.lines] == [f"op{n}" for n in range(MANY_SPANS)]


async def test_logs_of_orphans_have_no_root(viewer: Actor, jaeger: FakeJaeger) -> None:
    orphan = span("petstore", "x", events=[("e", {})], parent_id="00000000000000ff")
    jaeger.add(trace(orphan, trace_id="abc"))

    found = await show_logs(viewer, trace_id=ID)

    assert (found.service, found.operation, len(found.lines)) == ("", "", 1)


async def test_it_asks_nothing_for_a_stranger(stranger: Actor, jaeger: FakeJaeger) -> None:
    for action in (show_trace, show_logs, export_trace):
        with pytest.raises(NotPermitted):
            await action(stranger, trace_id=ID)

    assert jaeger.calls == []
