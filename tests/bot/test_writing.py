"""Other people's texts in the bot's posts, within the limits that the fake enforces."""

from typing import Any

import pytest
from django.contrib.auth.models import User
from pytest_django import Settings

from tests.bot.conftest import Backends
from tests.fakes.jaeger import ANY_JAEGER, EITHER_JAEGER, MILLISECOND, span, trace
from tests.fakes.prometheus import alert
from tests.fakes.slack import ALICE, FakeSlack, Post

pytestmark = pytest.mark.django_db(transaction=True)
EVIL = (
    "<!channel> <@U0ALICE01> <http://evil.example|Jaeger> @here `x` ```y``` *b* %s "
    "\u202ereversed\u2066 <!date^1^{time}|x>"
)
LONG = "w" * 10_000


@pytest.fixture(autouse=True)
def public(settings: Settings) -> None:
    settings.PUBLIC_URL = "https://ops.example.com"


def links(post: Post) -> list[str]:
    return [url for block in post.blocks for url in _urls(block)]


def _urls(part: dict[str, Any]) -> list[str]:
    below = [url for each in part.get("elements", ()) for url in _urls(each)]
    return [part["url"], *below] if "url" in part else below


@EITHER_JAEGER
@pytest.mark.parametrize("lacks", [set(), {"table"}, {"table", "rich_text"}])
async def test_what_others_wrote_is_shown_and_does_nothing(
    slack: FakeSlack, alice: User, backends: Backends, lacks: set[str]
) -> None:
    """As blocks, as lines, and as plain text."""
    slack.lacks = lacks
    root = span(
        "petstore", EVIL, error=EVIL, tags={EVIL: EVIL, "long": LONG}, events=[(EVIL, {EVIL: EVIL})]
    )
    trace_id = backends.jaeger.add(trace(root))
    backends.prometheus.rule(
        "Evil", alert(EVIL, severity=EVIL, job="petstore", annotations={"summary": EVIL})
    )
    backends.prometheus.remembers(
        'ALERTS{job="petstore"}', {"alertname": EVIL, "alertstate": "firing", "severity": EVIL}
    )
    backends.prometheus.says("store_build_info", ({"instance": EVIL, "version": EVIL}, 1))
    commands = (
        "list traces", f"show trace {trace_id}", f"show logs {trace_id}", f"compare {trace_id}",
        "alerts", "version store", f"show {EVIL}", f'alerts team="{LONG}"',
    )  # fmt: skip
    for number, command in enumerate(commands, 1):
        await slack.mention(ALICE, command)
        post = (await slack.posted(number))[-1]
        assert ("<!channel>" in post.shown) is (LONG not in command), command
        assert post.text
        assert post.live == []
        assert "\u202e" not in post.shown + post.text
        assert all("evil" not in url for url in links(post))
        assert not lacks.intersection(block["type"] for block in post.blocks)
    assert set(slack.violations) == ({"chat.postMessage: invalid_blocks"} if lacks else set())


@ANY_JAEGER
async def test_every_message_has_a_text_and_unfurls_nothing(
    slack: FakeSlack, alice: User, backends: Backends
) -> None:
    trace_id = backends.jaeger.add(trace(span("petstore", "AddPets", error="no")))
    commands = ("help", f"show trace {trace_id}", "list traces", "alerts", "nonsense")
    for number, command in enumerate(commands, 1):
        await slack.mention(ALICE, command)
        await slack.posted(number)
    calls = [arguments for name, arguments in slack.calls if name == "chat.postMessage"]
    assert len(calls) == len(commands)
    for arguments in calls:
        assert arguments["text"]
        assert arguments["parse"] == "none"
        off = ("unfurl_links", "unfurl_media", "link_names", "mrkdwn")
        assert [arguments[name] for name in off] == [False] * len(off)


async def test_a_trace_is_its_deepest_errors_its_time_its_moment_and_our_page(
    slack: FakeSlack, alice: User, backends: Backends
) -> None:
    below: tuple[Any, ...] = ()
    for depth in range(7, 0, -1):
        took = (10 - depth) * 10 * MILLISECOND
        below = (span("store", f"q{depth}", error=f"no {depth}", duration=took, children=below),)
    root = span("petstore", "AddPets", duration=100 * MILLISECOND, children=below)
    trace_id = backends.jaeger.add(trace(root))
    backends.prometheus.remembers(
        'ALERTS{job="petstore"}',
        {"alertname": "Errors", "alertstate": "firing", "severity": "page"},
    )
    await slack.mention(ALICE, f"show trace {trace_id}")
    [post] = await slack.posted(1)
    lines = post.shown.split("\n")
    assert lines[0] == "petstore AddPets: 100 ms, 7 errors, the deepest in q7: no 7"
    errors = [line.partition("  ")[0] for line in lines if line.startswith("q")]
    assert errors == [f"q{depth}: no {depth}" for depth in (7, 6, 5, 4, 3)]
    assert "and 2 more errors" in lines
    assert any(line.startswith("30% in store q7") for line in lines)
    [then] = [line for line in lines if line.startswith("At that time")]
    assert then.startswith("At that time: petstore ran 1.3.0 on ")
    assert then.endswith(", Errors was firing (page)")
    assert links(post) == [
        f"https://ops.example.com/traces/{trace_id}/",
        f"https://jaeger.example.com/trace/{trace_id}",
    ]
    assert slack.violations == []


async def test_fifty_thousand_log_lines_are_three_messages(
    slack: FakeSlack, alice: User, backends: Backends
) -> None:
    events = [("retry", {"attempt": 2})] * 1_000
    spans = [span("store", "SELECT", events=events) for _ in range(50)]
    trace_id = backends.jaeger.add(trace(span("petstore", "AddPets", children=spans)))
    await slack.mention(ALICE, f"show logs {trace_id}")
    posts = await slack.posted(3)
    assert posts[0].shown.startswith("50,000 log lines in petstore AddPets, ")
    shown = sum(post.shown.count("attempt=2") for post in posts)
    left = f"{50_000 - shown:,} more do not fit here: see the log lines."
    assert left in posts[-1].shown
    assert links(posts[-1])[0] == f"https://ops.example.com/traces/{trace_id}/logs/"
    await slack.mention(ALICE, "help")
    assert (await slack.posted(4))[3].shown.startswith("Commands"), "and no fourth"
    assert slack.violations == []
