"""Channels that are subscribed to alerts: the list, and one that was subscribed or is no longer."""

from bot.answers.phrases import and_more, elsewhere, site_key
from bot.answers.times import when
from bot.links import page
from bot.replies import FollowUp, Reply, Row, Sentence
from ops.subscriptions.actions import CONSOLE, NOT_PAGING, Subscription, SubscriptionList
from ops.vocabulary.figures import count
from ops.vocabulary.texts import shortened

MOST_LISTED = 20
MOST_ENDED = 3
LONGEST_FILTER = 200
NOTE = f"{NOT_PAGING}."


def subscribed(made: Subscription) -> Reply:
    """Return a subscription that was just made."""
    terms = f" ({made.terms})" if made.terms else ""
    what = shortened(made.what, LONGEST_FILTER)
    return Reply(
        f"{_place(made)} is subscribed to {what}{terms}{elsewhere(made.site)}",
        notes=(
            f"This is subscription {made.number}. Alerts that are firing now are posted, too.",
            NOTE,
        ),
        follow_ups=(_end(made), FollowUp("All subscriptions", f"alerts subscriptions{_key(made)}")),
    )


def ended(found: Subscription, here: str) -> Reply:
    """Return a subscription that was just ended, maybe of another channel than the one here."""
    channel = _place(found) if found.channel == here else found.where
    what = shortened(found.what, LONGEST_FILTER)
    return Reply(
        f"{channel} is no longer subscribed to {what}{elsewhere(found.site)}",
        notes=("Messages already posted stay as they are.",),
    )


def subscription_list(found: SubscriptionList, here: str) -> Reply:
    """Return the subscriptions of a site; `here` is the channel that asks."""
    number, every = len(found.subscriptions), found.subscriptions
    own = [each for each in every if each.channel == here and not each.fixed]
    how = () if every else ('To subscribe this channel: alerts subscribe severity="critical"',)
    return Reply(
        f"{count(number, 'subscription') if number else 'No channel is subscribed to alerts'}"
        f"{elsewhere(found.site)}",
        rows=tuple(_row(each, here) for each in every[:MOST_LISTED]),
        columns=("Number", "Channel", "Alerts", "By"),
        notes=(*and_more(number - MOST_LISTED, "subscription"), *how, NOTE),
        links=page("all subscriptions", "alerts-subscriptions", found.site),
        follow_ups=tuple(map(_end, own[:MOST_ENDED])),
    )


def _row(each: Subscription, here: str) -> Row:
    by = "the site file" if each.fixed else each.made_by
    below = (each.terms, each.problem)
    channel = _place(each) if each.channel == here else each.where
    cells = (str(each.number), channel, shortened(each.what, LONGEST_FILTER), by)
    made = () if each.fixed else (Sentence("since ", when(each.made_at)),)
    return Row(cells, (*filter(None, below), *made))


def _place(each: Subscription) -> str:
    return "This console" if each.channel == CONSOLE else "This channel"


def _end(each: Subscription) -> FollowUp:
    return FollowUp(f"End {each.number}", f"alerts unsubscribe {each.number}{_key(each)}")


def _key(each: Subscription) -> str:
    return site_key(each.site)
