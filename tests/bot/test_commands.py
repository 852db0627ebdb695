import asyncio
import re
from typing import Any

import pytest
from grpc import StatusCode
from opentelemetry.proto.trace.v1.trace_pb2 import TracesData
from pytest_django import Settings

from bot import console
from bot.replies import FollowUp, Reply, plain
from ops.actor import Actor
from ops.vocabulary.filters import KEYS
from ops.vocabulary.timerange import MINUTE, SECOND, now_ns
from tests.bot.conftest import Backends
from tests.fakes.jaeger import EITHER_JAEGER, MILLISECOND, span, trace
from tests.fakes.prometheus import alert

pytestmark = pytest.mark.django_db(transaction=True)
NOON = 1_704_110_400 * SECOND  # 2024-01-01T12:00:00Z, long past
UNKNOWN = "17b4f65b0d9f038e2a7bc5ea84309af2"


def failing(**root: object) -> object:
    query = span("store", "SELECT", error="pool exhausted", events=[("retry", {"attempt": 2})])
    return trace(
        span("petstore", "AddPets", duration=1240 * MILLISECOND, error="", children=[query])
    )


async def said(actor: Actor, line: str) -> Reply:
    return await console.answer(actor, line)


def cells(reply: Reply) -> list[tuple[str, ...]]:
    return [row.cells for row in reply.rows]


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
    assert reply.summary.startswith("1 trace, 1 with errors, for service=petstore")
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


@pytest.mark.parametrize(
    ("said_so", "name"),
    [
        ("traces", "list traces"),
        ("trace", "show trace"),
        ("logs", "show logs"),
        ("alert", "alerts"),
    ],
)
async def test_it_helps_with_every_way_to_write_a_command(
    viewer: Actor, backends: Backends, said_so: str, name: str
) -> None:
    assert await said(viewer, f"help {said_so}") == await said(viewer, f"help {name}")


@EITHER_JAEGER
async def test_it_lists_newest_first_and_says_when_there_may_be_more(
    viewer: Actor, backends: Backends
) -> None:
    for number in range(3):
        start = now_ns() - (10 - number) * MINUTE
        backends.jaeger.add(trace(span("petstore", f"op{number}", start=start)))
    reply = await said(viewer, "list traces limit=2")
    assert re.match(r"Latest 2 traces in .* \(there may be more\), none with errors", reply.summary)
    assert [row.cells[2] for row in reply.rows] == ["petstore op2", "petstore op1"]
    [older] = reply.notes
    assert older.startswith("Older: list traces service=petstore from=")
    again = await said(viewer, older.removeprefix("Older: "))
    assert [row.cells[2] for row in again.rows] == ["petstore op0"]


async def test_help_with_a_list_of_traces_names_every_filter(caller: Actor) -> None:
    said = plain(await console.answer(caller, "help list traces"))
    assert [key for key in KEYS if not re.search(rf"\b{key}\b", said)] == []


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
async def test_it_says_how_to_look_further_back(viewer: Actor, backends: Backends) -> None:
    reply = await said(viewer, "list traces petstore no=such")
    assert reply.summary.startswith("No traces for service=petstore no=such, ")
    assert reply.notes == ("Further back: list traces service=petstore no=such last=6h",)
    mistyped = await said(viewer, "list traces service=petstor")
    assert mistyped.notes[0] == (
        'There is no service "petstor" in the site file; did you mean "petstore"?'
    )


async def test_it_says_what_is_wrong_however_long_the_words(
    viewer: Actor, backends: Backends
) -> None:
    word = "w" * 3_000
    backends.prometheus.rule("Errors", alert("Errors", severity=word))
    backends.prometheus.says("store_build_info", ({"instance": "a", "version": word}, 1))
    for line, end in {
        f"version {word}": "it has petstore, store",
        f"version site={word}": "sites: demo",
        f"help {word}": "link",
        "alerts": ")",
        "version store": "…",
    }.items():
        summary = (await said(viewer, line)).summary
        assert len(summary) < 400, line
        assert summary.endswith(end)


@EITHER_JAEGER
async def test_it_says_of_every_failing_trace_what_failed(
    viewer: Actor, backends: Backends
) -> None:
    for _ in range(12):
        backends.jaeger.add(failing())  # type: ignore[arg-type]
    reply = await said(viewer, "list traces")
    assert [row.below[0] for row in reply.rows] == ["SELECT: pool exhausted"] * 12


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        (
            "list traces petsore",
            'neither KEY=VALUE nor a service in the site file; did you mean "p',
        ),
        ("list traces other", "if Jaeger knows it, write service=other"),
        ("list traces petstore eror", 'did you mean "error"?'),
        ("list traces limit=2000", "limit is 2000; it must be between 1 and 1500"),
        ("list traces start=yesterday", '"yesterday" is not a time'),
        ("show trace", "which trace?"),
        ("show trace abc def", "which trace?"),
        ("show trace xyz", '"xyz" is not a trace ID'),
        ("show logs abc siet=x", 'unknown key "siet"; did you mean "site"?'),
        ("compare", "no traces are given; a comparison needs two"),
        ("compare a b c", "3 traces are given; a comparison needs two"),
        ("compare abc 0abc", "is given twice; a comparison needs two different traces"),
        ("compare abc xyz", '"xyz" is not a trace ID'),
        ("change sampling", '"" is not a sampling policy'),
        ("change sampling nan", '"nan" is not a sampling policy'),
        ("change sampling float NaN", '"float NaN" is not a sampling policy'),
        ("change sampling float 0", '"float 0" is not a sampling policy'),
        ("change sampling 10", '"10" is not a sampling policy'),
        ("change sampling 150%", '"150%" is not a sampling policy'),
        ("change sampling petstore 1% service=store", "is not a sampling policy"),
        ("version a b", "names more than one service"),
        ("version a service=b", "names more than one service"),
        ("sampling rate=1", 'unknown key "rate"; accepted: service or site'),
        ("alerts state=bogus", '"bogus" is not a state'),
        ("alerts name=~(", "is not a regular expression"),
    ],
)
async def test_it_says_what_is_wrong_and_where_the_form_is(
    operator: Actor, backends: Backends, line: str, sentence: str
) -> None:
    reply = await said(operator, line)
    assert reply.failed
    assert reply.summary.startswith("Not understood: ")
    assert sentence in reply.summary
    assert reply.notes[0].startswith(f"Show usage: help {line.split(maxsplit=1)[0]}")
    help = reply.notes[0].removeprefix("Show usage: ")
    assert reply.follow_ups == (FollowUp("Show usage", help),)
    assert [each.told for each in backends.instances] == [[], [], []]


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        (f"show trace {UNKNOWN}", f"Not found: Jaeger of demo has no trace {UNKNOWN}"),
        ("list traces site=prod", 'Not found: there is no site "prod"'),
        ("change sampling petstor 5%", 'has no service "petstor"; did you mean "petstore"?'),
        ("version store", "Not found: the version of"),
        ("help me", 'Not found: there is no command "me"'),
        ("help lst traces", 'there is no command "lst traces"; did you mean "list traces"?'),
        ("help undo", 'there is no command "undo"; did you mean "undo sampling"?'),
        ("open " + UNKNOWN, f'did you mean "show trace {UNKNOWN}"?'),
        ("petstore", 'did you mean "alerts petstore"?'),
        ("petstore errors", 'did you mean "list traces petstore error"?'),
        ("petstore versions", 'did you mean "version petstore"?'),
        *(
            (f"{line} {UNKNOWN}", f"Not found: Jaeger of demo has no trace {UNKNOWN}")
            for line in ("logs of", "logs for", "show trace of", "trace")
        ),
        (
            "lst traces error",
            'there is no command "lst traces error"; did you mean "list traces error"?',
        ),
        ("show tracexyz", 'there is no command "show tracexyz"; did you mean "show trace"?'),
        (UNKNOWN, f'did you mean "show trace {UNKNOWN}"?'),
        (f"see https://jaeger.io/trace/{UNKNOWN}?x=y", f'did you mean "show trace {UNKNOWN}"?'),
        (
            "what happens here",
            'there is no command "what happens here"; "help" lists the commands',
        ),
    ],
)
async def test_it_says_what_there_is_not(
    operator: Actor, backends: Backends, line: str, sentence: str
) -> None:
    reply = await said(operator, line)
    assert reply.failed
    assert sentence in reply.summary
    assert reply.notes[-1].startswith("request ")


@pytest.mark.parametrize(
    ("line", "meant"),
    [
        ("chang sampling 20%", "change sampling 20%"),
        ("set sampling petstore to 20%", "change sampling petstore to 20%"),
        ("sampling 20%", "change sampling 20%"),
        ("sample 20%", "change sampling 20%"),
        ("undo", "undo sampling"),
        ("sampling always", "change sampling always"),
    ],
)
async def test_it_suggests_a_change_and_never_guesses_one(
    operator: Actor, backends: Backends, line: str, meant: str
) -> None:
    reply = await said(operator, line)
    assert reply.failed
    assert f'"{meant}"' in reply.summary
    assert [each.told for each in backends.instances] == [[], [], []]


@pytest.mark.parametrize(
    ("line", "same"),
    [
        ("list alerts", "alerts"),
        ("Show alert", "alerts"),
        ("list versions", "version"),
        ("show version petstore", "version petstore"),
        ("show sampling", "sampling"),
        ("show traces 17b4", "show trace 17b4"),
        ("trace 17b4", "show trace 17b4"),
        ("log 17b4", "show logs 17b4"),
    ],
)
async def test_it_understands_other_ways_of_saying_it(
    viewer: Actor, backends: Backends, line: str, same: str
) -> None:
    assert (await said(viewer, line)).summary == (await said(viewer, same)).summary


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


@pytest.mark.parametrize(
    ("line", "told", "policy"),
    [
        ("change sampling never now", ("STNever", 0.0), "never"),
        ("change sampling always now", ("STAlways", 0.0), "always"),
        ("change sampling float 0.25 now", ("STFloat", 0.25), "25%"),
        ("change sampling 25 % now", ("STFloat", 0.25), "25%"),
        ("change sampling to 25% now", ("STFloat", 0.25), "25%"),
        ("change sampling petstore 0.25 now", ("STFloat", 0.25), "25%"),
        ("change sampling of petstore to rate 25% now", ("STFloat", 0.25), "25%"),
        ("Change Sampling Never service=petstore site=demo now", ("STNever", 0.0), "never"),
    ],
)
async def test_it_changes_sampling(
    operator: Actor, backends: Backends, line: str, told: tuple[str, float], policy: str
) -> None:
    reply = await said(operator, line)
    assert reply.summary == (
        f"Sampling of petstore: unknown -> {policy}, confirmed by 3 of 3 instances"
    )
    assert [row.cells[1] for row in reply.rows] == ["confirmed"] * 3
    assert [each.told for each in backends.instances] == [[told]] * 3


async def test_it_says_which_instances_did_not_confirm_and_why(
    operator: Actor, backends: Backends
) -> None:
    await said(operator, "change sampling 1% now")
    backends.instances[1].fails = StatusCode.INTERNAL
    reply = await said(operator, "change sampling 10% now")
    assert reply.failed
    assert reply.summary == (
        "Not every instance confirmed: Sampling of petstore: 1% -> 10%, "
        "confirmed by 2 of 3 instances"
    )
    assert reply.rows[0].cells == (backends.instances[1].address, "NOT CONFIRMED")
    assert "told to fail" in reply.rows[0].below[0]
    now = await said(operator, "sampling")
    assert now.summary == (
        "Sampling of petstore: 10% on 2, unknown on 1, confirmed by 2 of 3 instances just now, "
        "not checked since"
    )
    assert now.rows[0].cells[:2] == (backends.instances[1].address, "10% NOT CONFIRMED")
    assert now.notes[0] == "just now: 1% -> 10% by olga (browser), confirmed by 2 of 3"
    undo = (FollowUp("Undo", "undo sampling petstore"),)
    assert (reply.follow_ups, now.follow_ups) == (undo, undo)


async def test_it_shows_sampling_that_nobody_changed(viewer: Actor, backends: Backends) -> None:
    reply = await said(viewer, "sampling")
    assert reply.summary == "Sampling of petstore: unknown, confirmed by 0 of 3 instances"
    assert [row.cells[1] for row in reply.rows] == ["no change sent yet"] * 3
    assert reply.follow_ups == (), "there is nothing to undo"
    none = await said(viewer, "sampling store")
    assert none.summary == "Sampling of store: unknown, the site file names no instances"


async def test_it_refuses_to_change_sampling_for_a_viewer(
    viewer: Actor, backends: Backends
) -> None:
    reply = await said(viewer, "change sampling always")
    assert reply.summary.startswith("Not permitted: victor is not allowed to do this")
    assert [each.told for each in backends.instances] == [[], [], []]


def search(milliseconds: int, **query: Any) -> TracesData:
    took = milliseconds * MILLISECOND
    below = span("store", "Query", duration=took, start=NOON, **query)
    return trace(span("petstore", "Search", duration=took, start=NOON, children=[below]))


async def test_it_compares_two_traces(
    viewer: Actor, backends: Backends, settings: Settings
) -> None:
    settings.PUBLIC_URL = "https://ops.example.com"
    ids = [backends.jaeger.add(search(30)), backends.jaeger.add(search(1200, error="too late"))]
    reply = await said(
        viewer, f"compare https://ops.example.com/traces/{ids[0]}/?a=b with {ids[1]}"
    )
    assert reply.summary == "B took 1.17 s longer: store Query explains all of it"
    assert cells(reply) == [("+1.17 s", "slower", "store Query", "30 ms -> 1.2 s", "1 -> 1 spans")]
    assert reply.columns[3:] == ("Own time, A -> B", "Spans, A -> B")
    assert reply.notes == ("1 span failed only in B, the deepest in Query: too late",)
    assert [link.url for link in reply.links] == [
        f"https://ops.example.com/traces/compare/?trace={ids[0]}&trace={ids[1]}",
        f"https://ops.example.com/traces/{ids[0]}/",
        f"https://ops.example.com/traces/{ids[1]}/",
    ]
    assert reply.follow_ups[1] == FollowUp("Open B", f"show trace {ids[1]}")


@EITHER_JAEGER
async def test_it_compares_a_trace_with_what_is_usual(viewer: Actor, backends: Backends) -> None:
    backends.jaeger.add(*(search(30) for _ in range(6)))
    slow, other = (
        backends.jaeger.add(each) for each in (search(1200), trace(span("petstore", "AddPets")))
    )
    reply = await said(viewer, f"compare {slow}")
    assert reply.summary == (
        "petstore Search: 1.2 s, usually 30 ms: +1.17 s against the last 6 that succeeded"
    )
    assert cells(reply)[0][:3] == ("+1.17 s", "slower", "store Query")
    assert reply.columns[3:] == ("Own time, usual -> here", "Spans, usual -> here")
    alone = await said(viewer, f"compare {other}")
    assert alone.summary == (
        "petstore AddPets: 10 ms; no other trace like it succeeded in the day before"
    )
    assert alone.rows == ()
    assert alone.follow_ups == (FollowUp("The trace", f"show trace {other}"),)


async def test_it_shows_versions(viewer: Actor, backends: Backends) -> None:
    one = await said(viewer, "version petstore")
    assert one.summary == "petstore: 1.3.0 on 1 of 3, 1.2.0 on 2 of 3"
    assert sorted(row.cells[1] for row in one.rows) == ["1.2.0", "1.2.0", "1.3.0"]
    every = await said(viewer, "versions")
    assert every.summary == "2 services, several versions of petstore; unknown for store"
    assert cells(every) == [
        ("petstore", "1.3.0 on 1 of 3, 1.2.0 on 2 of 3"),
        ("store", "unknown"),
    ]
    assert "store_build_info" in every.rows[1].below[0]
    failing = FollowUp("Failing traces of petstore", "list traces petstore error")
    assert one.follow_ups == every.follow_ups == (failing,)


async def test_it_shows_that_every_service_runs_one_version(
    viewer: Actor, backends: Backends
) -> None:
    for service in ("petstore", "store"):
        backends.prometheus.says(f"{service}_build_info", ({"instance": "a", "version": "2.0"}, 1))
    reply = await said(viewer, "version")
    assert reply.summary == "2 services, one version each"
    assert cells(reply)[1] == ("store", "2.0 on 1 of 1")


async def test_it_shows_alerts(viewer: Actor, backends: Backends) -> None:
    backends.prometheus.rule(
        "Errors",
        alert("Errors", severity="page", job="petstore", annotations={"summary": "12% fail"}),
        alert("Errors", "pending", severity="page", job="store"),
    )
    backends.prometheus.rule("Broken", health="err", error="many-to-many")
    reply = await said(viewer, "alerts")
    assert reply.summary == "1 alert firing (1 page), 1 pending"
    assert reply.rows[0].cells[:3] == ("firing", "page", "Errors")
    assert reply.rows[0].below == ("12% fail", "job=petstore")
    assert reply.notes == ("The rule Broken cannot fire: many-to-many",)
    narrowed = await said(viewer, "alerts petstore severity=~page|critical")
    assert narrowed.summary == (
        '1 alert firing (1 page) for job="petstore" severity=~"page|critical"'
    )
    assert [follow_up.line for follow_up in reply.follow_ups] == [
        "list traces petstore error", "list traces store error", "version",
    ]  # fmt: skip
    none = await said(viewer, 'alerts team="a" state=firing')
    assert none.summary == 'No alerts for state=firing team="a"'
    assert [follow_up.line for follow_up in none.follow_ups] == ["alerts"]


async def test_it_does_not_take_a_mistyped_service_for_one_without_alerts(
    viewer: Actor, backends: Backends
) -> None:
    backends.prometheus.rule("Errors", alert("Errors", job="petstore"))
    reply = await said(viewer, "alerts PetStor state=firing")
    assert reply.summary == 'No firing alert has the label "PetStor" and state=firing'
    hint = 'There is no service "PetStor" in the site file; did you mean "petstore"?'
    assert reply.notes == (hint, "Perhaps you meant: alerts petstore")
    assert reply.follow_ups[0] == FollowUp("alerts petstore", "alerts petstore")
    reply = await said(viewer, "alerts critical")
    assert reply.summary == 'No firing alert has the label "critical"'
    assert reply.notes == (
        'There is no service "critical" in the site file; it has petstore, store',
        'Perhaps you meant: alerts severity="critical"',
    )
    reply = await said(viewer, "alerts firing")
    assert reply.notes[1] == "Perhaps you meant: alerts state=firing"
    reply = await said(viewer, "alerts for petstore")
    assert reply.summary == '1 alert firing (1 without severity) for job="petstore"'


async def test_it_says_which_backend_does_not_answer(viewer: Actor, backends: Backends) -> None:
    await asyncio.gather(backends.prometheus.stop(), backends.jaeger.stop())
    for line in ("alerts", "version petstore", "list traces"):
        reply = await said(viewer, line)
        assert reply.summary.startswith("Backend unavailable: "), reply.summary
        assert "127.0.0.1:" in reply.summary
        assert reply.follow_ups == (FollowUp("Retry", line),)


async def test_it_answers_nothing_at_all_with_help(viewer: Actor) -> None:
    reply = await said(viewer, "")
    assert reply.summary == "Commands"
    assert [follow_up.label for follow_up in reply.follow_ups][:2] == ["Overview", "Alerts"]


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
