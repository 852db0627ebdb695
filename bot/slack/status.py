"""The bot's status for the dashboard: what its processes reported, and answers Slack may lack."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from urllib.parse import quote, urlsplit

from django.conf import settings
from django.db.models import Q, QuerySet
from django.utils import timezone

from bot.models import (
    LOST_PLACE,
    AlertMessage,
    BotProcess,
    ClosedChannel,
    ReceivedEvent,
    State,
)
from bot.slack.alert_store import CLOSED
from bot.slack.event_store import KEPT
from ops.database import in_database
from ops.overview.status import DoorReport, LostAnswer
from ops.vocabulary.figures import count

MISSED = timedelta(seconds=15)  # a process reports every few seconds
RECENTLY = timedelta(minutes=5)
FORGOTTEN = timedelta(days=7)
MOST_LOST = 200
MOST_CLOSED = 5
_FATES = {
    State.UNKNOWN: "may be missing: Slack did not confirm it, and answers are never posted twice",
    State.FAILED: "is missing: Slack refused it, or no bot could answer; the log has the reason",
}
_LEFT = 'was posted, but the note "Working on it …" may have remained'


async def report() -> DoorReport | None:
    """Return the bot's status, None if no bot is set up."""
    return await in_database(_report, timezone.now())


def _report(now: datetime) -> DoorReport | None:
    known = list(BotProcess.objects.filter(seen__gt=now - FORGOTTEN).order_by("-seen"))
    if not (known or settings.SLACK_BOT_TOKEN):
        return None
    running = [each for each in known if not each.stopped and now - each.seen < MISSED]
    lost = list(_lost(now)[:MOST_LOST])
    workspace = next((each.workspace for each in known if each.workspace), "")
    return DoorReport(
        door="Slack",
        standing=_standing(running),
        heard=max((each.heard for each in known if each.heard), default=None),
        troubles=tuple(_troubles(known, running, now)),
        lost=tuple(_lost_answer(event, workspace) for event in lost),
        lost_in_all=len(lost) if len(lost) < MOST_LOST else _lost(now).count(),
    )


def _standing(running: Sequence[BotProcess]) -> str:
    if not running:
        return "no bot is running"
    waiting = sum(each.waiting for each in running)
    parts = [
        count(sum(each.reached for each in running), "connection"),
        *([count(len(running), "bot")] if len(running) > 1 else []),
        *([f"{count(waiting, 'message')} waiting"] if waiting else []),
        *([f"used by {running[0].trusts}"] if running[0].trusts else []),
    ]
    return ", ".join(parts)


def _troubles(
    known: Sequence[BotProcess], running: Sequence[BotProcess], now: datetime
) -> Iterator[str]:
    if ended := next((each for each in known if each.failure), None):
        yield f"the bot {ended.name} stopped: {ended.failure}"
    if not running:
        yield (
            f"{_absence(known)}: messages are not being answered; start one with manage.py runbot"
        )
    for each in running:
        if not each.reached:
            yield (
                f"Slack does not reach the bot {each.name}, which keeps trying; if this lasts, "
                "run manage.py check_slack to find the cause"
            )
        if each.full and now - each.full < RECENTLY:
            yield (
                f"the bot {each.name} skipped messages because too many were waiting; if this "
                "lasts, look for a slow backend or run another bot"
            )
        if each.limited and now - each.limited < RECENTLY:
            yield (
                "Slack is dropping messages to the bot, because this Slack app gets more than "
                "30,000 events an hour; ask again if an answer is missing, and look for a program "
                "that writes to it"
            )
    yield from _about_channels(now)
    latest = max((each for each in running if each.counted), key=_counted, default=None)
    if latest and latest.strays:
        yield (
            f"another program is using this Slack app on {count(latest.strays, 'connection')} and "
            "taking messages away; stop it, or give it its own app"
        )


def _about_channels(now: datetime) -> Iterator[str]:
    """Yield what is wrong with the messages about alerts in subscribed channels."""
    lost = AlertMessage.objects.filter(step=AlertMessage.Step.LOST, parent="", final=False)
    if number := lost.filter(changed__gt=now - KEPT).count():
        yield (
            f"{count(number, 'message')} about alerts may be missing in subscribed channels, "
            "because Slack did not confirm them; they are posted again when their alerts change"
        )
    closed = ClosedChannel.objects.filter(again__gt=now - CLOSED).order_by("since")
    if found := list(closed.values_list("channel", "error")[:MOST_CLOSED]):
        named = ", ".join(f"{channel} ({error})" for channel, error in found)
        yield f"Slack takes no messages about alerts for {named}; the page Channels says why"


def _absence(known: Sequence[BotProcess]) -> str:
    if not known:
        return "no bot has ever run here"
    if known[0].failure:
        return "no bot is running (manage.py serve restarts it)"
    return "the bot was stopped" if known[0].stopped else f"the bot {known[0].name} is gone"


def _counted(process: BotProcess) -> float:
    return process.counted.timestamp() if process.counted else 0.0


def _lost(now: datetime) -> QuerySet[ReceivedEvent]:
    """Return the events whose answer may be missing in Slack, or whose note may remain there."""
    left = Q(placeholder=LOST_PLACE, finished__isnull=False)
    lost = ReceivedEvent.objects.filter(Q(state__in=_FATES) | left, received__gt=now - KEPT)
    return lost.order_by("-received")


def _lost_answer(event: ReceivedEvent, workspace: str) -> LostAnswer:
    return LostAnswer(
        key=event.pk.hex,
        at=event.received,
        place=event.channel,
        url=_permalink(workspace, event),
        fate=_FATES.get(State(event.state), _LEFT),
    )


def _permalink(workspace: str, event: ReceivedEvent) -> str:
    """Return the question's address in Slack's form, "" if the workspace's address is unknown.

    A click on a button is not a message, so its thread's address is used.
    """
    seconds, _, fraction = (event.thread if "/" in event.ts else event.ts).partition(".")
    digits = seconds + fraction
    if urlsplit(workspace).scheme != "https" or not (digits.isascii() and digits.isdigit()):
        return ""
    return f"{workspace.rstrip('/')}/archives/{quote(event.channel, safe='')}/p{seconds}{fraction}"
