"""An acknowledgement belongs to one of several copies of an envelope."""

from aiohttp import ClientSession, ClientWebSocketResponse

from tests.fakes.slack import ALICE, APP_TOKEN, FakeSlack


async def connected(session: ClientSession, slack: FakeSlack) -> ClientWebSocketResponse:
    """Open a connection as an app does, and read the hello on it."""
    bearer = {"Authorization": f"Bearer {APP_TOKEN}"}
    async with session.post(f"{slack.api_url}/apps.connections.open", headers=bearer) as answer:
        socket = await session.ws_connect((await answer.json())["url"])
    await socket.receive_json()
    return socket


async def test_it_is_for_the_copy_that_was_sent_on_the_same_connection() -> None:
    async with FakeSlack() as slack, ClientSession() as session:
        _first, second = await connected(session, slack), await connected(session, slack)
        sent = await slack.mention(ALICE, "help")
        copy = await slack.redeliver(sent, 0)
        received = await second.receive_json()
        await second.send_json({"envelope_id": received["envelope_id"]})
        await copy.acknowledged()
        assert not sent.acked.is_set()
