"""Usual programs with slack-go, Bolt for JavaScript and Bolt for Python work with the fake Slack.

So it behaves like Slack where our own bot does not look: other encodings, methods and answers.
"""

import asyncio
import os
import subprocess
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.fakes.slack import (
    ALICE,
    APP_TOKEN,
    BOT_TOKEN,
    CHANNEL,
    DIRECT,
    EVERY_SCOPE,
    FakeSlack,
    person,
)
from tests.live import servers

PROGRAMS = servers.HERE / "slack"
COMMANDS: dict[str, Callable[[str], list[str]]] = {
    "python": lambda where: [where, str(PROGRAMS / "bolt.py")],
    "node": lambda _: ["node", str(PROGRAMS / "bolt.js")],
    "go": lambda where: [where],
}
KINDS = pytest.mark.parametrize("kind", COMMANDS)


@pytest.fixture
def where(kind: str) -> str:
    """What slack.sh prepared for this kind of program."""
    script = servers.HERE / "slack.sh"
    made = subprocess.run([script, kind], check=False, capture_output=True, text=True, timeout=300)
    if made.returncode:
        (pytest.fail if os.environ.get("CI") else pytest.skip)(made.stderr.strip())
    return made.stdout.strip()


def written(log: Path) -> str:
    """Return what the program wrote."""
    return log.read_text(errors="replace")


@asynccontextmanager
async def running(kind: str, where: str, log: Path) -> AsyncIterator[FakeSlack]:
    """Run the program in a workspace, until the block ends."""
    async with FakeSlack(ping_seconds=1, scopes=EVERY_SCOPE) as slack:
        environment = {
            **{key: os.environ[key] for key in ("HOME", "PATH")},
            "NODE_PATH": where,
            "SLACK_API_URL": slack.api_url,
            "SLACK_APP_TOKEN": APP_TOKEN,
            "SLACK_BOT_TOKEN": BOT_TOKEN,
        }
        with log.open("wb") as output:
            program = await asyncio.create_subprocess_exec(
                *COMMANDS[kind](where), env=environment, stdout=output, stderr=output
            )
        try:
            await slack.greeted()
            yield slack
        except TimeoutError:
            pytest.fail(f"{slack.violations}\n{written(log)[-3000:]}")
        finally:
            program.kill()
            await program.wait()


@KINDS
async def test_a_usual_program_works_with_the_fake(kind: str, where: str, tmp_path: Path) -> None:
    log = tmp_path / "log"
    async with running(kind, where, log) as slack:
        for number in range(3):
            slack.users[f"U0MORE{number}"] = person(f"U0MORE{number}", f"more{number}")
        mention = await slack.mention(ALICE, "hello")
        ts = mention.envelope["payload"]["event"]["ts"]
        await slack.answered(ts)
        [greeting] = slack.posts
        assert greeting.shown == "Hello alice\n[Change]  [Remove]"
        assert slack.reactions == {(CHANNEL, ts): ["eyes"]}

        await slack.press(ALICE, greeting, "Change")
        assert (await slack.replaced(greeting.ts)).shown == "Changed"
        await slack.mention(ALICE, "hello")
        second = (await slack.posted(2))[1]
        await slack.press(ALICE, second, "Remove")
        await slack._until(lambda: slack.deleted == [second])

        echo = await slack.slash(ALICE, "alerts")
        assert (await slack.whispered(1))[0].shown == "Echo alerts"
        assert echo.answer == {"text": "Echo alerts", "response_type": "ephemeral"}
        form = await slack.slash(ALICE, "form")
        await slack._until(lambda: bool(slack.modals))
        [view_id] = slack.modals
        values = {"pets": {"number": {"type": "plain_text_input", "value": "7"}}}
        submitted = await slack.submit(ALICE, view_id, values)
        assert (await slack.whispered(2))[1].shown == "Added 7"
        assert not (form.answer or submitted.answer)

        await slack.open_home(ALICE)
        assert (await slack.published(ALICE)).shown == f"Home of {ALICE}"
        await slack.direct(ALICE, "good morning")
        said = (await slack.posted(2))[1]  # and not again, when it hears itself
        assert (said.channel, said.shown) == (DIRECT, "You said good morning")

        tour = await slack.mention(ALICE, "tour")
        tour_ts = tour.envelope["payload"]["event"]["ts"]
        await slack.answered(tour_ts)
        [answer] = [post for post in slack.posts if post.thread_ts == tour_ts]
        assert answer.shown == "5 users, 2 members, 2 channels"
        assert [post.text for post in slack.deleted] == [second.text, "two"]

        greetings = slack.greetings
        await slack.disconnect("refresh_requested", close=True)
        await slack.greeted(greetings + 1)
        slack.redelivery_speed = 4
        last = await slack.mention(ALICE, "hello")
        await slack.answered(last.envelope["payload"]["event"]["ts"])
    assert len([post for post in slack.posts if post.channel == DIRECT]) == 1
    assert slack.violations == []
    assert "FAILED" not in written(log)
