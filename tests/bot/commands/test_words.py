import asyncio

import pytest

from bot.replies import FollowUp, plain
from ops.actor import Actor
from tests.bot.conftest import Backends, said
from tests.fakes.jaeger import ANY_JAEGER
from tests.fakes.prometheus import alert

pytestmark = pytest.mark.django_db(transaction=True)
UNKNOWN = "17b4f65b0d9f038e2a7bc5ea84309af2"


@pytest.mark.parametrize(
    ("said_so", "name"),
    [
        ("traces", "list traces"),
        ("trace", "show trace"),
        ("logs", "show logs"),
        ("alert", "show alert"),
    ],
)
async def test_it_helps_with_every_way_to_write_a_command(
    viewer: Actor, backends: Backends, said_so: str, name: str
) -> None:
    short, whole = await said(viewer, f"help {said_so}"), await said(viewer, f"help {name}")
    assert plain(short) == plain(whole)


async def test_it_says_what_is_wrong_however_long_the_words(
    viewer: Actor, backends: Backends
) -> None:
    word = "w" * 3_000
    backends.prometheus.rule("Errors", alert("Errors", severity=word))
    backends.prometheus.says("store_build_info", ({"instance": "a", "version": word}, 1))
    for line, end in {
        f"version {word}": "it has petstore, store",
        f"version site={word}": "sites: demo",
        f"help {word}": '"help" lists the commands',
        "alerts": ")",
        "version store": "… on 1 of 1",
    }.items():
        summary = (await said(viewer, line)).summary
        assert len(summary) < 400, line
        assert summary.endswith(end)


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("list traces limit=2000", "limit is 2000; it must be between 1 and 1500"),
        ("show trace abc def", "which trace?"),
        ("show trace xyz", '"xyz" is not a trace ID'),
        ("show logs abc siet=x", 'unknown key "siet"; did you mean "site"?'),
        ("compare", "which trace? Give one trace ID, or two to compare them"),
        ("compare a b c", "3 trace IDs given; a comparison needs two"),
        ("compare abc 0abc", "is given twice; a comparison needs two different traces"),
        ("compare abc xyz", '"xyz" is not a trace ID'),
        ("change sampling", "no sampling policy given; accepted: never, always"),
        ("change sampling nan", '"nan" is not a sampling policy'),
        ("change sampling float NaN", '"float NaN" is not a sampling policy'),
        ("change sampling float 0", '"0" is not a sampling policy'),
        ("change sampling 150%", '"150%" is not a sampling policy'),
        ("change sampling petstore 1% service=store", "is not a sampling policy"),
        ("version a b", "names more than one service"),
        ("version a service=b", "names more than one service"),
        ("sampling rate=1", 'unknown key "rate"; accepted: service or site'),
        ("silence QueueDeep for=-1h", '"for=-1h" is not how long it lasts: write for=1h'),
        ("alerts state=bogus", '"bogus" is not a state; accepted: firing or pending'),
        ("alerts name=~(", "is not a regular expression"),
    ],
)
@ANY_JAEGER
async def test_it_says_what_is_wrong_and_where_the_form_is(
    operator: Actor, backends: Backends, line: str, sentence: str
) -> None:
    reply = await said(operator, line)
    assert reply.failed
    assert reply.summary.startswith("Not understood: ")
    assert sentence in reply.summary
    assert reply.notes[0].startswith(f"Show usage: help {line.split(maxsplit=1)[0]}")
    help = reply.notes[0].removeprefix("Show usage: ")
    assert reply.follow_ups[-1] == FollowUp("Show usage", help)
    assert [each.told for each in backends.instances] == [[], [], []]


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        (f"show trace {UNKNOWN}", f"Not found: Jaeger of demo has no trace {UNKNOWN}"),
        ("list traces site=prod", 'Not found: there is no site "prod"'),
        ("version store", "Not found: the version of"),
        *(
            (f"{line} {UNKNOWN}", f"Not found: Jaeger of demo has no trace {UNKNOWN}")
            for line in ("logs of", "logs for", "show trace of", "trace")
        ),
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
