"""Words that name a site, or something that only another site has: the commands go there."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from bot.commands import registry
from bot.registry import Command, Message
from ops.actor import Actor
from ops.errors import InvalidInput
from ops.overview import actions as overview
from tests.bot.conftest import SITES, Backends, said
from tests.conftest import SiteFile
from tests.fakes.prometheus import FakePrometheus, alert
from tests.fakes.slack import SECONDS

pytestmark = pytest.mark.django_db(transaction=True)
STAGING = """
[sites.staging]
default_service = "petstore"
[sites.staging.jaeger]
address = "{jaeger.address}"
[sites.staging.prometheus]
url = "{there.url}"
[sites.staging.services.petstore]
instances = ["{instances[0].address}"]
[sites.staging.services.billing]
instances = ["{instances[1].address}"]
"""
SILENCE = "65d7b155-e09f-4ee2-bc6b-0fb5f29b8553"
READERS = [each for each in registry.commands if each.read and "site=" in each.usage]
# What each command is about, as far as that is not an alert.
ABOUT = {
    "show trace": "17b4f65b0d9f038e2a7bc5ea84309af2",
    "show logs": "17b4f65b0d9f038e2a7bc5ea84309af2",
    "compare": "17b4f65b0d9f038e2a7bc5ea84309af2",
    "change sampling": "petstore 10%",
    "extend silence": SILENCE,
    "end silence": SILENCE,
    "hand over": "QueueDeep to mia",
    "alerts unsubscribe": "number 2",
}
OF_SERVICES = ("list traces", "version", "diagnose", "slow operations", "changes", "rollouts")


@pytest.fixture(autouse=True)
async def staging(
    backends: Backends, site_file: SiteFile, operator: Actor
) -> AsyncIterator[FakePrometheus]:
    """Another site with a QueueDeep of its own, and an alert and a service that only it has."""
    async with FakePrometheus() as there:
        here = vars(backends)
        site_file(SITES.format(**here) + STAGING.format(**here, there=there))
        backends.prometheus.rule("QueueDeep", alert("QueueDeep", severity="page"))
        there.rule("QueueDeep", alert("QueueDeep", severity="page"))
        there.rule("DiskFull", alert("DiskFull", severity="page"))
        async with asyncio.timeout(SECONDS):  # a reading does without what is not known in time
            while any(each.missing for each in (await overview.names(operator)).sites):
                pass
        yield there


async def read(actor: Actor, command: Command, text: str) -> str:
    assert command.read
    return (await command.read(Message(actor, text), text)).line


@pytest.mark.parametrize("command", READERS, ids=lambda each: each.name)
async def test_a_command_that_takes_a_site_finds_it_in_words(
    operator: Actor, command: Command
) -> None:
    of_service = "sampling" in command.name or command.name in OF_SERVICES
    about = ABOUT.get(command.name, "petstore" if of_service else "QueueDeep")
    if command.usage == f"{command.name} [site=NAME]":
        about = ""

    line = await read(operator, command, f"{about} on staging, please")

    assert "site=staging" in line.split()
    assert "staging" not in await read(operator, command, f"{about} on demo, please")


@pytest.mark.parametrize("line", ["I have QueueDeep on staging", "ack the queue-deep of staging"])
async def test_an_alert_is_had_on_the_site_that_is_named(operator: Actor, line: str) -> None:
    done = await said(operator, line)

    assert "olga has all QueueDeep alerts" in done.summary
    assert done.follow_ups[0].line == "give back QueueDeep site=staging"
    there, here = [await said(operator, f"alerts QueueDeep{at}") for at in (" site=staging", "")]
    assert "olga has it" in there.rows[0].below
    assert "olga has it" not in here.rows[0].below


@pytest.mark.parametrize(
    ("command", "words", "line"),
    [
        ("ack", "DiskFull for an hour", "DiskFull site=staging for=1h"),
        ("take over", "the DiskFull alert", "DiskFull site=staging"),
        ("hand over", "DiskFull to mia", "DiskFull site=staging to mia"),
        ("hand over", "QueueDeep to mia on staging", "QueueDeep site=staging to mia"),
        ("show alert", "DiskFull", "DiskFull site=staging"),
        ("what changed before", "DiskFull", "DiskFull site=staging"),
        ("silence", "DiskFull of billing", "DiskFull billing site=staging"),
        ("sampling up", "DiskFull", "DiskFull site=staging"),
        ("sampling up", "billing", "billing site=staging"),
        ("change sampling", "billing 10%", "billing site=staging 10%"),
        ("incident start", "billing is slow", "billing is slow site=staging"),
        ("changes", "billing", "billing site=staging"),
        ("alerts subscribe", "DiskFull", "DiskFull site=staging"),
    ],
)
async def test_what_only_another_site_has_is_read_there(
    operator: Actor, command: str, words: str, line: str
) -> None:
    found = next(each for each in registry.commands if each.name == command)
    assert await read(operator, found, words) == line


async def test_a_hand_over_accepts_the_site_where_its_help_says(operator: Actor) -> None:
    await said(operator, "ack QueueDeep site=staging")
    done = await said(operator, "hand over QueueDeep to nobody site=staging")
    assert 'nobody called "nobody" may acknowledge alerts' in done.summary


async def test_the_title_of_an_incident_names_its_site(operator: Actor) -> None:
    made = await said(operator, "incident start billing slow on staging, since noon")
    assert "on staging, since noon" in made.summary
    assert [each.line for each in made.follow_ups] == [
        "incident 1 site=staging",
        "incident close 1 site=staging",
    ]


async def test_an_alert_that_the_named_site_does_not_have_is_not_silenced_elsewhere(
    operator: Actor,
) -> None:
    found = next(each for each in registry.commands if each.name == "silence")
    with pytest.raises(InvalidInput, match=r'severity of demo is called "DiskFull"'):
        await read(operator, found, "DiskFull on demo")
