"""Where a message was written: its thread, and whether people of other companies read along."""

from bot.registry import Message
from ops.errors import Conflict, OpsError
from ops.incidents.actions import Thread
from ops.subscriptions import actions as subscriptions

SHARED = "is_ext_shared_channel"


def place(message: Message) -> tuple[str, str]:
    """Return the channel and the thread that the answer belongs to, "" for none."""
    event = message.event
    channel = str(event.get("channel") or "")
    thread = event.get("thread_ts") or ("" if channel.startswith("D") else event.get("ts"))
    return channel, str(thread or "")


async def own_thread(message: Message) -> Thread | None:
    """Return the thread that becomes the incident's; None if others might read it."""
    channel, ts = place(message)
    if not ts or _is_alone(message):
        return None
    if message.event.get(SHARED) is not False and not channel.startswith("D"):
        # Slack does not say it of a click. A subscribed channel is known to be ours.
        try:
            known = await subscriptions.list_subscriptions(message.actor)
        except OpsError:
            return None
        if channel not in {each.channel for each in known.subscriptions}:
            return None
    return Thread(str(message.event.get("team") or ""), channel, ts)


def _is_alone(message: Message) -> bool:
    """Return whether only its author sees the answer."""
    return bool(message.event.get("response_url"))


def refuse_shared(message: Message) -> None:
    """Raise Conflict in a channel that another company can read."""
    if message.event.get(SHARED):
        raise Conflict(
            "this channel is shared with another company, whose people would read along; use a "
            "channel of your own"
        )
