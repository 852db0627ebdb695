"""The way to Slack through a proxy, as the environment says."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from urllib.parse import urlsplit

import pytest
from django.contrib.auth.models import User
from django.core.management.base import CommandError
from pytest_django import Settings

from bot.slack.checkup import check_slack
from bot.slack.process import run_bot
from bot.slack.proxy import proxy_for
from tests.bot.conftest import QUICK, Workspace
from tests.fakes.slack import ALICE, FakeSlack

NO_PROXY = "NO_PROXY"
API, SOCKET = "https://slack.com/api", "wss://wss-primary.slack.com/link/?ticket=x"


@pytest.fixture(autouse=True)
def environment(tokens: Settings, monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """An environment without any proxy."""
    for name in (NO_PROXY, "no_proxy", "REQUEST_METHOD"):
        monkeypatch.delenv(name, raising=False)
    return monkeypatch


@pytest.mark.parametrize(
    ("variables", "url", "proxy"),
    [
        ({}, API, None),
        ({"HTTPS_PROXY": "http://p:1"}, API, "http://p:1"),
        ({"https_proxy": "http://p:1"}, SOCKET, "http://p:1"),
        ({"HTTPS_PROXY": ""}, API, None),
        ({"HTTP_PROXY": "http://p:1"}, API, "http://p:1"),
        ({"HTTP_PROXY": "http://p:1", "HTTPS_PROXY": "http://u:s@p:2"}, SOCKET, "http://u:s@p:2"),
        ({"HTTPS_PROXY": "http://p:1"}, "http://127.0.0.1:80/api", None),
        ({"HTTPS_PROXY": "http://p:1", NO_PROXY: "slack.com"}, API, None),
        ({"HTTPS_PROXY": "http://p:1", NO_PROXY: ".slack.com"}, SOCKET, None),
        ({"HTTPS_PROXY": "http://p:1", NO_PROXY: "corp, slack.com:443"}, API, "http://p:1"),
        ({"HTTPS_PROXY": "http://p:1", NO_PROXY: "notslack.com"}, API, "http://p:1"),
        ({"HTTPS_PROXY": "http://p:1", NO_PROXY: "*"}, SOCKET, None),
        ({"HTTPS_PROXY": "p:1", NO_PROXY: "slack.com"}, API, None),
        ({"HTTPS_PROXY": "http://p:1"}, "https://[", None),
    ],
)
def test_it_goes_by_the_environment(
    environment: pytest.MonkeyPatch, variables: dict[str, str], url: str, proxy: str | None
) -> None:
    for name, value in variables.items():
        environment.setenv(name, value)
    assert proxy_for(url) == proxy


@pytest.mark.parametrize(
    "proxy", ["proxy.corp:3128", "user:secret@proxy.corp:3128", "socks5://p:1", "http://", "//p:1",
              "http://p:99999", "http://[p"],
)  # fmt: skip
async def test_a_proxy_that_is_no_address_is_named_without_its_password(
    environment: pytest.MonkeyPatch, tokens: Settings, transactional_db: None, proxy: str
) -> None:
    environment.setenv("HTTPS_PROXY", proxy)
    tokens.SLACK_API_URL = API
    with pytest.raises(
        CommandError, match="HTTPS_PROXY is not the address of a proxy: it"
    ) as error:
        await run_bot(asyncio.Event(), QUICK)
    [found] = await check_slack()
    assert (found.well, found.sentence) == (False, str(error.value))
    assert "secret" not in found.sentence


async def test_the_check_names_a_proxy_that_only_the_socket_needs(
    environment: pytest.MonkeyPatch, tokens: Settings
) -> None:
    async with FakeSlack() as slack:
        tokens.SLACK_API_URL = slack.api_url.replace("127.0.0.1", "localhost")
        environment.setenv("HTTP_PROXY", "proxy:3128")
        environment.setenv(NO_PROXY, "localhost")
        assert [each.well for each in await check_slack()] == [True, True, True, True, False, None]


@asynccontextmanager
async def a_proxy() -> AsyncIterator[tuple[str, list[str]]]:
    """A proxy for http:// and ws:// that notes where it is sent, and passes everything on."""
    asked: list[str] = []

    async def serve(client: asyncio.StreamReader, answer: asyncio.StreamWriter) -> None:
        method, url, version = (await client.readline()).decode().split()
        address = urlsplit(url)
        asked.append(f"{address.hostname}:{address.port}/{address.path.split('/')[1]}")
        server, onward = await asyncio.open_connection(address.hostname, address.port)
        onward.write(f"{method} {address.path}?{address.query} {version}\r\n".encode())
        if address.scheme == "http":
            onward.write(b"Connection: close\r\n")  # or the next call may be for another host
        await asyncio.gather(_pass_on(client, onward), _pass_on(server, answer))

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    host, port = server.sockets[0].getsockname()
    yield f"http://{host}:{port}", asked
    server.close()


async def _pass_on(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    with suppress(ConnectionError):
        while data := await source.read(65_536):
            target.write(data)
            await target.drain()
    target.close()


async def test_calls_sockets_and_whispers_go_through_the_proxy_unless_it_is_excepted(
    environment: pytest.MonkeyPatch, workspace: Workspace, alice: User
) -> None:
    async with a_proxy() as (address, asked):
        environment.setenv("HTTP_PROXY", address)
        async with workspace(FakeSlack()) as slack:
            await slack.slash(ALICE, "help")
            await slack.whispered(1)
            assert {f"{slack.host}/{way}" for way in ("api", "link", "respond")} <= set(asked)
        environment.setenv(NO_PROXY, "127.0.0.1")
        asked.clear()
        async with workspace(FakeSlack()) as slack:
            await slack.slash(ALICE, "help")
            await slack.whispered(1)
        assert asked == []
