"""What people type at three in the morning: every line gets the right answer, or one press away."""

from collections.abc import Mapping

import pytest

from bot.replies import Reply
from ops.actor import Actor
from tests.bot.conftest import Backends, said
from tests.fakes.jaeger import ANY_JAEGER, MILLISECOND, span, trace
from tests.fakes.prometheus import alert

pytestmark = pytest.mark.django_db(transaction=True)
ID = "17b4f65b0d9f038e2a7bc5ea84309af2"
OTHER = "9c01d2f4a7e3b8655d0e4f1a2b3c4d5e"

# A read that is clear is answered at once; the answer says which line it answers.
TRACES = {
    "list trace petstore errors": "list traces service=petstore error",
    "lits traces": "list traces",
    "list traces from petstore": "list traces service=petstore",
    "traces with errors": "list traces error",
    "errors": "list traces error",
    "any errors?": "list traces error",
    "traces last 15m": "list traces last=15m",
    "show me errors for petstore in the last hour": "list traces service=petstore error last=1h",
    "LIST TRACES ERROR LAST=1H": "list traces error last=1h",
    "list traces last hour": "list traces last=1h",
    "list traces in the last 30 minutes": "list traces last=30m",
    "traces slower than 1s": "list traces trace-min=1s",
    "list traces duration>1s": "list traces min=1s",
    "list traces service:petstore": "list traces service=petstore",
    '{ service.name="petstore" && status=error }': "list traces service=petstore error",
    "list traces minDuration=1s": "list traces min=1s",
    "list traces status=error": "list traces error",
    "list traces status_code=500": "list traces http.status_code=500",
    "traces for AddPets": "list traces operation=AddPets",
    '"list traces error"': "list traces error",
    "lst traces error": "list traces error",
    "petstore errors": "list traces service=petstore error",
    "list traces petsore": "list traces service=petstore",
}
ONE_TRACE = {
    f"http://127.0.0.1:16686/trace/{ID}": f"show trace {ID}",
    f"https://jaeger.example.com/trace/{ID}?uiFind=error": f"show trace {ID}",
    "https://grafana.example.com/explore?left=%7B%22queries%22:%5B%7B%22query%22:%22"
    f"{ID}%22%7D%5D%7D": f"show trace {ID}",
    f"https://grafana.example.com/a/grafana-exploretraces-app/explore?traceId={ID}": (
        f"show trace {ID}"
    ),
    ID: f"show trace {ID}",
    f"open {ID}": f"show trace {ID}",
}
ALERTS = {
    "what's firing": "alerts firing",
    "What's firing?": "alerts firing",
    "alrts": "alerts",
    "critical alerts": "alerts critical",
    "alerts now": "alerts",
    "alerts last hour": "alerts last=1h",
    # What other tools want before a command is left out.
    "/ops alerts": "alerts",
    "!alerts": "alerts",
    "@opsportal alerts": "alerts",
    # An alert's name alone is that alert.
    "SlowRequests": "show alert SlowRequests",
}
DIAGNOSIS = {
    "is petstore ok?": "diagnose petstore",
    "how is petstore doing": "diagnose petstore",
    "is anything broken?": "diagnose",
    "why is petstore slow": "slow operations petstore",
    "why is SlowRequests firing": "what changed before SlowRequests",
    "why did SlowRequests fire": "what changed before SlowRequests",
    "what changed SlowRequests": "what changed before SlowRequests",
    "what caused SlowRequests": "what changed before SlowRequests",
    "status petstore": "diagnose petstore",
    "petstore": "diagnose petstore",
}
MORE = {
    "show me the last 5 failed requests": "list traces error limit=5",
    "ERRORS!!! PETSTORE!!!": "list traces service=petstore error",
    "top errors": "list traces error",
    "anything on fire right now": "alerts firing",
    "how many alerts": "alerts",
    "yo what's going on with the store service": "diagnose store",
    "p95 of petstore": "slow operations petstore",
    "SlowRequests status": "show alert SlowRequests",
    "did someone change the sampling": "sampling history",
    "last deploy of petstore": "rollouts petstore",
    "what fired": "changes alerts",
    "time line of petstore": "changes petstore",
    "who is on it?": "alerts",
    "how do i change the sampling": "help change sampling",
    f"traceparent: 00-{ID}-00f067aa0ba902b7-01": f"show trace {ID}",
    f"difference between {ID} and {OTHER}": f"compare {ID} {OTHER}",
}
REST = {
    "what version is running": "version",
    "which version is deployed in prod": "version",
    "versions {instance}": "version petstore",
    "petstore versions": "version petstore",
    "menu": "help",
    "commands": "help",
    "help undo": "help undo sampling",
    "list services": "overview",
    "show dashboard": "overview",
    "health": "overview",
    "whats my access": "overview",
}
# These are commands already.
EXACT = (
    "revert sampling",
    f"SHOW TRACE {ID.upper()}",
    "what's wrong with petstore",
    "slow requests",
    "slowest traces",
    "deploys today",
    "alert",
    "alerts critical",
    "alerts severity=critical",
    "alerts for petstore",
    "alerts petstore firing",
    "version of petstore",
    "change sampling petstore 0.5",
    "change sampling petstore 10% for 15m then=5%",
    f"compare {ID} and {OTHER}",
    "trace 17b4f65b0d9f",
    "traces user=42 error",
    "link me",
)
# A change that nobody wrote as one is only offered, with everything filled in.
CHANGES = {
    "sampling 10%": "change sampling 10%",
    "set sampling to 10%": "change sampling 10%",
    "increase sampling to 50 percent": "change sampling 50%",
    "sample everything": "change sampling always",
    "sampling 100": "change sampling 100%",
    "turn off sampling": "sampling off",
    "undo": "undo sampling",
    "undo last": "undo sampling",
    "chang sampling 20%": "change sampling 20%",
    "set sampling petstore to 20%": "change sampling petstore 20%",
    "sampling always": "change sampling always",
    "lower the sample rate to 1 in 20": "change sampling 5%",
    "keep everything for the next 10 minutes": "change sampling always for=10m",
    "turn sampling on for petstore": "change sampling petstore always",
    "stop tracing petstore": "sampling off petstore",
}
# Without an ID the latest trace that failed is offered.
LATEST = {
    "show trace": "show trace {failed}",
    "show logs": "show logs {failed}",
    "logs petstore": "show logs {failed}",
    "kubectl logs petstore": "show logs {failed}",
}
UNSURE = {"list": "list traces", "show": "overview"}
# What OpsPortal does not do, and what it can do instead.
NOT_OFFERED = {
    "resolve SlowRequests": ("does not resolve alerts", "ack SlowRequests"),
    "who is on call": ("does not know who is on call", "alerts"),
    "page bob": ("does not page", "alerts"),
    "restart petstore": ("does not start, stop or restart", "version petstore"),
    "rollback petstore": ("does not deploy releases or roll them back", "version petstore"),
}
# What stops something of OpsPortal's own stops no service.
STOPS = {
    "stop the silence": "it has no silences",
    "unsilence SlowRequests": "it has no silences",
    "stop posting alerts here": "this channel is not subscribed",
    "note: rolled back 1.2.1": "no incident is open",
    "pin the last trace": "which trace?",
}
TALK = {
    "hi": "Hello!",
    "thanks!": "You're welcome",
    ":wave:": "Hello!",
    "?": "Commands",
}


@pytest.fixture
def site(backends: Backends) -> Backends:
    """The site with two firing alerts and a trace that failed."""
    backends.prometheus.rule("QueueDeep", alert("QueueDeep", severity="critical", job="petstore"))
    backends.prometheus.rule("SlowRequests", alert("SlowRequests", severity="warning", job="store"))
    query = span("store", "SELECT", error="pool exhausted")
    backends.jaeger.add(
        trace(span("petstore", "AddPets", duration=MILLISECOND, error="", children=[query]))
    )
    return backends


def offered(reply: Reply) -> list[str]:
    return [each.line for each in reply.follow_ups]


async def read(actor: Actor, lines: Mapping[str, str]) -> dict[str, str]:
    """Return the line that each line was read as, or the whole summary."""
    answers = {line: str((await said(actor, line)).summary) for line in lines}
    return {
        line: summary.split("`")[1] if summary.startswith("Read as `") else summary
        for line, summary in answers.items()
    }


@ANY_JAEGER
@pytest.mark.parametrize(
    "lines",
    [TRACES, ONE_TRACE, ALERTS, DIAGNOSIS, MORE, REST],
    ids=["traces", "one trace", "alerts", "diagnosis", "more", "rest"],
)
async def test_it_answers_a_clear_line_at_once_and_says_how_it_was_read(
    operator: Actor, site: Backends, lines: dict[str, str]
) -> None:
    lines = {
        line.format(instance=site.instances[0].address) if "{instance}" in line else line: meant
        for line, meant in lines.items()
    }
    assert await read(operator, lines) == lines


@ANY_JAEGER
async def test_it_runs_a_command_as_it_is_written(operator: Actor, site: Backends) -> None:
    for line in EXACT:
        reply = await said(operator, line)
        assert not reply.summary.startswith(("Read as", "Not understood", "Did you mean")), line


@ANY_JAEGER
async def test_it_offers_a_change_and_makes_none(operator: Actor, site: Backends) -> None:
    for policy in ("5%", "7%"):
        await said(operator, f"change sampling {policy} now")
    told = [list(each.told) for each in site.instances]
    for line, meant in CHANGES.items():
        reply = await said(operator, line)
        assert offered(reply)[0] == meant, line
        assert reply.summary.startswith(f"Did you mean `{meant}`"), line
        assert "Nothing has changed yet" in reply.summary
        assert not reply.card
    assert [list(each.told) for each in site.instances] == told


@ANY_JAEGER
async def test_it_shows_the_card_of_a_change_that_is_named_and_only_said_otherwise(
    operator: Actor, site: Backends
) -> None:
    reply = await said(operator, "change sampling petstore to 10 percent")
    assert reply.summary.startswith("Read as `change sampling petstore 10%`. Change sampling of")
    assert reply.card
    reply = await said(operator, "change sampling petstore now to 10 percent")
    assert not reply.card
    assert [list(each.told) for each in site.instances] == [[], [], []]


@ANY_JAEGER
async def test_it_offers_the_latest_trace_that_failed(operator: Actor, site: Backends) -> None:
    failed = site.jaeger.add(trace(span("petstore", "AddPets", error="no")))
    for line, meant in LATEST.items():
        reply = await said(operator, line)
        assert offered(reply)[0] == meant.format(failed=failed), line
        assert reply.summary.startswith("Did you mean `"), line


@ANY_JAEGER
async def test_it_asks_which_of_several_readings_is_meant(operator: Actor, site: Backends) -> None:
    for line, meant in UNSURE.items():
        reply = await said(operator, line)
        assert reply.summary.startswith("Did you mean `"), line
        assert meant in offered(reply)[:3], line
        assert [row.cells[0] for row in reply.rows] == offered(reply)[:-1]


async def test_it_says_what_it_does_not_do_and_offers_what_it_can(
    operator: Actor, site: Backends
) -> None:
    for line, (sentence, instead) in NOT_OFFERED.items():
        reply = await said(operator, line)
        assert sentence in reply.summary, line
        assert offered(reply)[0] == instead, line


@ANY_JAEGER
async def test_it_asks_what_to_stop(operator: Actor, site: Backends) -> None:
    for line, asked in STOPS.items():
        assert asked in (await said(operator, line)).summary, line


async def test_it_meets_people_as_a_colleague_would(operator: Actor, site: Backends) -> None:
    for line, sentence in TALK.items():
        assert (await said(operator, line)).summary.startswith(sentence), line


async def test_it_offers_nobody_what_they_may_not_do(viewer: Actor, site: Backends) -> None:
    reply = await said(viewer, "set sampling to 10%")
    assert "change sampling 10%" not in offered(reply)
