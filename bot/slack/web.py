"""Slack's Web API with the bot's token, which may be revoked while the bot runs."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

import aiohttp
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.web.async_slack_response import AsyncSlackResponse

from bot.slack.refusals import DEAD_TOKEN, error_code


class WebClient(AsyncWebClient):
    """Notices when Slack says of any call that the token is dead.

    It has no retry handlers: a message whose answer was lost would be posted twice.
    """

    def __init__(self, token: str, address: str, session: aiohttp.ClientSession) -> None:
        super().__init__(token, address, session=session, retry_handlers=[])
        self._doubt = asyncio.Event()

    async def api_call(self, *args: Any, **kwargs: Any) -> AsyncSlackResponse:
        """Call a method; raises what AsyncWebClient raises."""
        try:
            return await super().api_call(*args, **kwargs)
        except SlackApiError as error:
            if error_code(error) in DEAD_TOKEN:
                self._doubt.set()
            raise

    async def watch(self, check: Callable[[], Awaitable[object]], seconds: float) -> None:
        """Check the token so often, and at once when in doubt; raises what `check` raises.

        Where the app was removed nothing comes any more and nothing is called: only asking tells.
        """
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    await self._doubt.wait()
            self._doubt.clear()
            await check()
