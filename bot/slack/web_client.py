"""Slack's Web API with the bot's token, which may be revoked while the bot runs."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

import aiohttp
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.web.async_slack_response import AsyncSlackResponse

from bot.slack.api_errors import DEAD_TOKEN, error_code
from bot.slack.proxy import proxy_for


class WebClient(AsyncWebClient):
    """A client that notices if any call reports a dead token.

    It has no retry handlers, because they would post a message twice if its answer was lost.
    Raises CommandError if the proxy that is set cannot be used.
    """

    def __init__(self, token: str, address: str, session: aiohttp.ClientSession) -> None:
        super().__init__(token, address, session=session, retry_handlers=[])
        self.proxy = proxy_for(address)  # not what slack_sdk found, which knows no NO_PROXY
        self._doubt = asyncio.Event()

    async def api_call(self, *args: Any, **kwargs: Any) -> AsyncSlackResponse:
        """Call a method; raises the same errors as AsyncWebClient."""
        try:
            return await super().api_call(*args, **kwargs)
        except SlackApiError as error:
            # Only a doubt: one method may be refused although the token works for the others.
            if error_code(error) in DEAD_TOKEN:
                self._doubt.set()
            raise

    async def watch(self, check: Callable[[], Awaitable[object]], seconds: float) -> None:
        """Check the token every `seconds`, and immediately if in doubt; raises `check`'s errors.

        After the app was removed, no events come and no calls are made, so only a check shows it.
        """
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    await self._doubt.wait()
            self._doubt.clear()
            await check()
