"""Which of the events that Slack delivers are for the bot."""

from typing import TypeGuard

from bot.follow_ups import opens_one
from bot.slack.jobs import Event

# All other subtypes are edits, deletions, joins or messages of programs.
_HUMAN_SUBTYPES = (None, "file_share", "thread_broadcast")


def is_for_us(payload: object, bot_id: str) -> TypeGuard[Event]:
    """Return whether this is a person's message that may be to the bot, and not an edited one.

    That is a mention, a direct message, and in a channel's thread what may be a follow-up.
    """
    event = payload.get("event") if isinstance(payload, dict) else None
    if not isinstance(event, dict) or not (event.get("channel") and event.get("ts")):
        return False
    direct = event.get("type") == "message" and event.get("channel_type") == "im"
    return (
        (direct or event.get("type") == "app_mention" or _may_follow_up(event, bot_id))
        and event.get("subtype") in _HUMAN_SUBTYPES
        # Slack delivers our own direct messages to us: answering them would never end.
        and event.get("user") not in (None, "", bot_id)
        and not event.get("bot_id")
        # An edit is sent as a new event with the same text: it was answered already.
        and not event.get("edited")
    )


def _may_follow_up(event: Event, bot_id: str) -> bool:
    """Return whether a message in a channel, which mentions nobody of us, may be a follow-up."""
    text, thread = event.get("text"), event.get("thread_ts")
    return (
        event.get("type") == "message"
        and event.get("channel_type") in ("channel", "group")
        and bool(thread)
        and thread != event.get("ts")
        and isinstance(text, str)
        and f"<@{bot_id}" not in text  # Slack delivers that as a mention, too
        and opens_one(text)
    )
