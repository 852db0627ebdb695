"""What a failed call means for the message: whether it may be in Slack, and may be tried again."""

from enum import Enum, auto

import aiohttp
from slack_sdk.errors import SlackApiError

from bot.slack.api_errors import LIMITED, error_code, is_refusal, retry_after

# Slack publishes no limit for a whole message, so some of our tables may still be too large.
_BLOCKS_REFUSED = (
    "invalid_blocks", "invalid_blocks_format", "msg_blocks_too_long", "only_one_table_allowed",
)  # fmt: skip
# Errors that are raised before the request is sent.
_NOT_REACHED = (
    aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError, aiohttp.ClientHttpProxyError,
)  # fmt: skip


class Fate(Enum):
    """The outcome of a failed call. `LATER`: Slack definitely did nothing, so try again.

    `LOST`: Slack may have done it. `REFUSED`: it will not do it.
    """

    BLOCKS_REFUSED = auto()
    LATER = auto()
    LOST = auto()
    REFUSED = auto()


def fate_of(error: Exception) -> Fate:
    """Return the outcome of a call that raised this error."""
    if not isinstance(error, SlackApiError):
        return Fate.LATER if isinstance(error, _NOT_REACHED) else Fate.LOST
    code = error_code(error)
    if code in _BLOCKS_REFUSED:
        return Fate.BLOCKS_REFUSED
    if code in LIMITED or retry_after(error) is not None:
        return Fate.LATER
    return Fate.REFUSED if is_refusal(error) else Fate.LOST
