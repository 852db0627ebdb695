import re

import pytest
from pytest_django import Settings

from bot.replies import plain
from ops.actor import Actor
from ops.vocabulary.tag_words import KEYS
from ops.vocabulary.timerange import MINUTE, SECOND, now_ns
from tests.bot.conftest import Backends, cells, said
from tests.fakes.jaeger import ANY_JAEGER, EITHER_JAEGER, MILLISECOND, span, trace

pytestmark = pytest.mark.django_db(transaction=True)
NOON = 1_704_110_400 * SECOND  # 2024-01-01T12:00:00Z, long past


def failing(**root: object) -> object:
    query = span("store", "SELECT", error="pool exhausted", events=[("retry", {"attempt": 2})])
    return trace(
        span("petstore", "AddPets", duration=1240 * MILLISECOND, error="", children=[query])
    )


@EITHER_JAEGER
@pytest.mark.parametrize(
    "line",
    [
        "list traces",
        "list traces operation=AddPets",
        "list traces operation=AddPets start=11/24/2020-13:00:00 end=now limit=100 tags=[error]",
        "list traces tags=[error,http.method=POST]",
        "list traces petstore error last=15m limit=5",
        'list traces service=petstore operation="AddPets" error min=100ms',
        "List Traces  petstore",
        "list trace petstore",
        "traces petstore",
        "list traces of petstore",
        "list traces with error",
        "list traces trace-min=1s trace-max=2s from=now-1h to=now+5s",
        "list traces error=true",
        "list traces operation=\u201cAddPets\u201d please",
    ],
)
async def test_it_reads_every_way_of_listing_traces(
    viewer: Actor, backends: Backends, line: str
) -> None:
    trace_id = backends.jaeger.add(
        trace(
            span(
                "petstore", "AddPets", duration=1240 * MILLISECOND, error="no",
                tags={"http.method": "POST"},
            )
        )
    )  # fmt: skip
    reply = await said(viewer, line)
    assert reply.summary.startswith("1 trace, 1 failed, for service=petstore")
    [row] = reply.rows
    assert row.cells[1:] == ("1.24 s", "petstore AddPets")
    assert row.below == ("AddPets: no", trace_id)


@EITHER_JAEGER
@pytest.mark.parametrize("word", ["of", "for", "in", "on"])
async def test_it_takes_a_small_word_before_a_service(
    viewer: Actor, backends: Backends, word: str
) -> None:
    for line in ("alerts", "version", "sampling", "list traces"):
        short, long = [await said(viewer, f"{line} {rest}petstore") for rest in ("", f"{word} ")]
        assert not long.failed
        assert long.summary.partition(",")[0] == short.summary.partition(",")[0]


@EITHER_JAEGER
async def test_it_lists_newest_first_and_says_when_there_may_be_more(
    viewer: Actor, backends: Backends
) -> None:
    for number in range(3):
        start = now_ns() - (10 - number) * MINUTE
        backends.jaeger.add(trace(span("petstore", f"op{number}", start=start)))
    reply = await said(viewer, "list traces limit=2")
    assert re.match(r"Latest 2 traces in .* \(there may be more\), none failed", reply.summary)
    assert [row.cells[2] for row in reply.rows] == ["petstore op2", "petstore op1"]
    [older] = reply.notes
    assert older.startswith("Older: list traces service=petstore from=")
    again = await said(viewer, older.removeprefix("Older: "))
    assert [row.cells[2] for row in again.rows] == ["petstore op0"]


async def test_help_with_a_list_of_traces_names_every_filter(caller: Actor) -> None:
    shown = plain(await said(caller, "help list traces"))
    assert [key for key in KEYS if not re.search(rf"\b{key}\b", shown)] == []


@EITHER_JAEGER
async def test_it_goes_on_where_nothing_fitted_so_far(viewer: Actor, backends: Backends) -> None:
    start = now_ns() - MINUTE
    many = (trace(span("petstore", "x", start=start - number, error="")) for number in range(3_100))
    backends.jaeger.add(*many)
    reply = await said(viewer, "list traces error=false")
    assert reply.summary.startswith("No traces for service=petstore error=false")
    [older] = reply.notes
    assert older.startswith("Older: list traces service=petstore error=false from=")


@EITHER_JAEGER
async def test_it_says_how_many_it_looked_at(viewer: Actor, backends: Backends) -> None:
    for code in (200, 404, 500, 503):
        backends.jaeger.add(trace(span("petstore", "AddPets", tags={"http.status_code": code})))
    some = await said(viewer, "list traces petstore http.status_code>=500 http.status_code!=503")
    assert some.summary.startswith("1 trace, none failed, for service=petstore http.status_code>=")
    assert some.notes[0] == "1 of the 4 traces looked at match"
    none = await said(viewer, "list traces petstore tags=[http.status_code>600]")
    assert none.summary.startswith(
        "None of the 4 traces of petstore has http.status_code>600; seen: 200, 404, 500, 503. "
        "No traces for service=petstore http.status_code>600, "
    )
    assert none.summary.endswith(" (4 traces looked at)")


@ANY_JAEGER
async def test_no_traces_means_little_if_sampling_keeps_few(
    operator: Actor, backends: Backends
) -> None:
    await said(operator, "change sampling petstore 10% now")
    reply = await said(operator, "list traces petstore error")
    keeps = "; sampling keeps 10% of the traces that begin in petstore"
    assert reply.summary.startswith("No traces for ") and reply.summary.endswith(keeps)
    await said(operator, "change sampling petstore always now")
    assert "sampling" not in (await said(operator, "list traces petstore error")).summary


@EITHER_JAEGER
async def test_it_says_how_to_look_further_back(viewer: Actor, backends: Backends) -> None:
    reply = await said(viewer, "list traces petstore no=such")
    assert reply.summary.startswith("No traces for service=petstore no=such, ")
    assert reply.notes == ("Further back: list traces service=petstore no=such last=6h",)
    mistyped = await said(viewer, "list traces service=petsto")
    assert mistyped.notes[0] == (
        'There is no service "petsto" in the site file; did you mean "petstore"?'
    )


@EITHER_JAEGER
async def test_it_says_of_every_failing_trace_what_failed(
    viewer: Actor, backends: Backends
) -> None:
    for _ in range(12):
        backends.jaeger.add(failing())  # type: ignore[arg-type]
    reply = await said(viewer, "list traces")
    assert [row.below[0] for row in reply.rows] == ["SELECT: pool exhausted"] * 12


async def test_it_shows_a_trace(viewer: Actor, backends: Backends, settings: Settings) -> None:
    settings.PUBLIC_URL = "https://ops.example.com"
    trace_id = backends.jaeger.add(failing())  # type: ignore[arg-type]
    reply = await said(viewer, f"show trace {trace_id.upper()}")
    assert reply.summary == (
        "petstore AddPets: 1.24 s, 2 errors, the deepest in SELECT: pool exhausted"
    )
    assert cells(reply) == [("SELECT: pool exhausted",), ("AddPets failed",)]
    assert reply.rows[0].below == ("store: AddPets > SELECT",)
    assert reply.notes[0] == "99% in petstore AddPets, 1.23 s"
    assert "UTC, 2 spans, 2 services: petstore, store" in reply.notes[-3]
    assert reply.notes[-2].startswith("At that time: petstore ran 1.3.0 on 127.0.0.1:")
    assert reply.notes[-1] == f"Log lines: show logs {trace_id}"
    assert [link.url for link in reply.links] == [
        f"https://ops.example.com/traces/{trace_id}/",
        f"https://jaeger.example.com/trace/{trace_id}",
    ]
    for address in (link.url for link in reply.links):
        assert (await said(viewer, f"show trace {address}?uiFind=x")).summary == reply.summary


async def test_it_shows_the_five_deepest_errors(viewer: Actor, backends: Backends) -> None:
    children = [span("store", f"q{number}", error="no") for number in range(7)]
    trace_id = backends.jaeger.add(trace(span("petstore", "AddPets", children=children)))
    reply = await said(viewer, f"show trace {trace_id} site=demo")
    assert len(reply.rows) == 5
    assert reply.notes[0] == "and 2 more errors"


async def test_it_shows_a_trace_without_errors(viewer: Actor, backends: Backends) -> None:
    trace_id = backends.jaeger.add(trace(span("petstore", "SearchPets")))
    reply = await said(viewer, f"show trace {trace_id}")
    assert reply.summary == "petstore SearchPets: 10 ms, no errors"
    assert reply.rows == ()
    assert [link.label for link in reply.links] == ["Jaeger"], "we have no public address here"


async def test_it_shows_the_only_error(viewer: Actor, backends: Backends) -> None:
    trace_id = backends.jaeger.add(trace(span("petstore", "AddPets", error="no pets")))
    reply = await said(viewer, f"show trace {trace_id}")
    assert reply.summary == "petstore AddPets: 10 ms, 1 error in AddPets: no pets"


async def test_it_shows_a_trace_without_its_root(viewer: Actor, backends: Backends) -> None:
    orphan = span("store", "SELECT", parent_id="00000000000000aa")
    trace_id = backends.jaeger.add(trace(orphan))
    reply = await said(viewer, f"show trace {trace_id}")
    assert any("missing" in note for note in reply.notes)
    assert reply.summary.endswith("no errors in the spans that arrived")


async def test_it_shows_logs(viewer: Actor, backends: Backends) -> None:
    trace_id = backends.jaeger.add(
        trace(span("petstore", "AddPets", events=[("exception", {"a": "x\ny", "b": 2, "c": True})]))
    )
    reply = await said(viewer, f"show logs {trace_id}")
    assert reply.summary.startswith("1 log line in petstore AddPets, ")
    [row] = reply.rows
    assert row.cells[1] == "petstore AddPets"
    assert row.below == ("exception", "  a=x\ny", "  b=2", "  c=true")


async def test_it_shows_only_so_many_fields_of_a_log_line(
    viewer: Actor, backends: Backends
) -> None:
    fields = {f"field{number}": number for number in range(20)}
    trace_id = backends.jaeger.add(trace(span("petstore", "AddPets", events=[("", fields)])))
    [row] = (await said(viewer, f"show logs {trace_id}")).rows
    assert len(row.below) == 13
    assert row.below[-1] == "  and 8 more fields"


async def test_it_says_that_there_are_no_logs(viewer: Actor, backends: Backends) -> None:
    trace_id = backends.jaeger.add(trace(span("petstore", "AddPets")))
    reply = await said(viewer, f"show log {trace_id}")
    assert reply.summary.startswith("No log lines in petstore AddPets, ")


async def test_a_trace_says_where_it_ran_and_few_of_many_services(
    viewer: Actor, backends: Backends
) -> None:
    resource = {"service.version": "1.3.0", "service.instance.id": "petstore-7"}
    others = [span(f"service-{number}", "x") for number in range(20)]
    root = span("petstore", "AddPets", start=NOON, resource=resource, children=others,
                warnings=["w" * 5_000])  # fmt: skip
    reply = await said(viewer, f"show trace {backends.jaeger.add(trace(root))}")

    notes = [str(note) for note in reply.notes]
    assert "Handled by petstore 1.3.0 on petstore-7" in notes
    assert any(note.endswith("service-6 and 13 more") for note in notes)
    assert max(map(len, notes)) < 400
    assert not any("As of" in note for note in notes)


@pytest.mark.parametrize(
    "pasted",
    [
        "0x{}",
        "https://grafana.example.com/explore?left=%7B%22query%22:%22{}%22%7D site=demo",
        "00-{}-00f067aa0ba902b7-01",
        "uber-trace-id: {}:1:0:1",
    ],
)
async def test_an_id_may_be_pasted_in_any_form(
    viewer: Actor, backends: Backends, pasted: str
) -> None:
    trace_id = backends.jaeger.add(trace(span("petstore", "AddPets")))
    for command in ("show trace", "show logs"):
        reply = await said(viewer, f"{command} {pasted.format(trace_id)}")
        assert not reply.failed
        assert trace_id in plain(reply)


@EITHER_JAEGER
async def test_a_shortened_id_is_said_to_be_one(viewer: Actor, backends: Backends) -> None:
    backends.jaeger.add(trace(span("petstore", "AddPets")))
    for command in ("show trace", "show logs", "compare"):
        summary = (await said(viewer, f"{command} 17b4f65b0d9f")).summary
        assert summary.endswith(
            "an ID has 16 or 32 hex digits: if this one was shortened, give the whole one"
        )


@EITHER_JAEGER
async def test_it_says_first_what_no_trace_has(viewer: Actor, backends: Backends) -> None:
    backends.jaeger.add(trace(span("petstore", "AddPets", tags={"http.status_code": 500})))
    reply = await said(viewer, "list traces http_status=500 last=2h")
    assert reply.summary.startswith(
        'The only trace of petstore does not have a tag "http_status"; '
        "did you mean http.status_code=500? No traces for service=petstore http_status=500, "
    )
    first = reply.follow_ups[0]
    assert first.label == "Search http.status_code=500"
    assert (await said(viewer, first.line)).summary.startswith("1 trace, ")


@ANY_JAEGER
async def test_a_first_word_may_be_a_condition(viewer: Actor, backends: Backends) -> None:
    backends.jaeger.add(trace(span("petstore", "AddPets", tags={"code": 500})))
    for line in ("code>=500", "code!~4..", 'code<600 "code">5'):
        assert (await said(viewer, f"list traces {line}")).summary.startswith("1 trace, ")


@EITHER_JAEGER
async def test_the_trace_of_a_log_line_is_offered(viewer: Actor, backends: Backends) -> None:
    trace_id = "17b4f65b0d9f038e2a7bc5ea84309af2"
    line = f"2026-11-30 ERROR trace_id={trace_id} span_id=00f067aa0ba902b7 the queue is full"
    for text in (line, f"{line} {'at java.lang.Thread.run ' * 60}"):
        assert (await said(viewer, text)).follow_ups[0].line == f"show trace {trace_id}"
    part = await said(viewer, "17b4f65b0d9f")
    assert "none of the newest traces has an ID like 17b4f65b0d9f…" in part.summary
