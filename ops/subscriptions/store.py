"""Subscriptions in our database. Call these functions in ops.database.in_database."""

from collections.abc import Iterable

from django.db import IntegrityError, transaction
from django.db.models import Max, QuerySet

from ops.errors import Conflict, NotFound
from ops.sites.subscriptions import CONSOLE
from ops.subscriptions.models import MentionedChannel, StoredSubscription
from ops.subscriptions.subscription import Channel, Subscription
from ops.vocabulary.quiet_hours import parse_quiet_hours

MOST = 50  # subscriptions of a site
MOST_KNOWN = 500  # subscriptions that are looked at for their channels, and mentioned channels
TRIES = 5


def in_force(site: str) -> tuple[Subscription, ...]:
    """Read a site's subscriptions by number."""
    return tuple(_read(row) for row in _rows(site).order_by("number"))


def add(wish: Subscription) -> Subscription:
    """Store a new subscription under the next number; raises Conflict if there is such a one."""
    if _rows(wish.site).count() >= MOST:
        raise Conflict(
            f'site "{wish.site}" has {MOST} subscriptions, which is the limit; end one first'
        )
    for _ in range(TRIES):  # somebody else may take the number
        try:
            with transaction.atomic():
                return _read(_made(wish))
        except IntegrityError:
            same = _rows(wish.site).filter(channel=wish.channel, filter=wish.filter).first()
            if same is not None:
                raise Conflict(
                    f"{wish.where} is already subscribed to these alerts: "
                    f"subscription {same.number}"
                ) from None
    raise Conflict("others are subscribing at the same moment; try again")


def end(site: str, number: int, who: str, now: int) -> Subscription:
    """End a subscription; raises NotFound, or Conflict for one of the site file."""
    row = _rows(site).filter(number=number).first()
    if row is None:
        numbers = _rows(site).order_by("number").values_list("number", flat=True)
        there = f"there are {', '.join(map(str, numbers))}" if numbers else "there is none"
        raise NotFound(f'site "{site}" has no subscription {number}; {there}')
    if row.fixed:
        raise Conflict(
            f"subscription {number} is in the site file: remove [[sites.{site}.subscription]] there"
        )
    if not _rows(site).filter(pk=row.pk).update(ended_at=now, ender=who):
        raise NotFound(f"somebody else has just ended subscription {number}")
    return _read(row)


def note_channel(channel: Channel, now: int) -> None:
    """Store what Slack says of a channel; what was mentioned longest ago makes room."""
    _, is_new = MentionedChannel.objects.update_or_create(
        channel=channel.id,
        defaults={"team": channel.team, "shared": bool(channel.shared), "seen_at": now},
    )
    if is_new:
        newest = MentionedChannel.objects.order_by("-seen_at", "-pk")
        surplus = newest.values_list("pk", flat=True)[MOST_KNOWN : 2 * MOST_KNOWN]
        MentionedChannel.objects.filter(pk__in=list(surplus)).delete()


def is_shared(channel: str) -> bool | None:
    """Return whether another company can read a channel, None if that is not known.

    One that heard of alerts at any time was not shared then, so it may again.
    """
    mentioned = MentionedChannel.objects.filter(channel=channel).first()
    if mentioned is not None:
        return mentioned.shared
    return False if StoredSubscription.objects.filter(channel=channel).exists() else None


def known() -> tuple[Channel, ...]:
    """Read the channels that may be subscribed, on any site.

    Those that did at any time come first, then those in which the bot was mentioned, each the
    newest first.
    """
    mentioned = list(MentionedChannel.objects.order_by("-seen_at", "-pk")[:MOST_KNOWN])
    shared = {row.channel for row in mentioned if row.shared}
    rows = StoredSubscription.objects.exclude(channel=CONSOLE).order_by("-made_at")
    found: dict[str, Channel] = {}
    for team, id, name in rows.values_list("team", "channel", "channel_name")[:MOST_KNOWN]:
        found.setdefault(id, Channel(id, team, name))
    for row in mentioned:
        found.setdefault(row.channel, Channel(row.channel, row.team))
    return tuple(each for each in found.values() if each.id not in shared)


def note_problem(id: int, problem: str) -> None:
    """Store why nothing can be posted, "" if it can again."""
    StoredSubscription.objects.filter(pk=id).exclude(problem=problem).update(problem=problem)


def set_fixed(site: str, wishes: Iterable[Subscription], now: int) -> None:
    """Make those of the site file what is in force, and end those that it has no longer."""
    there = {(row.channel, row.filter): row for row in _rows(site)}
    wanted = {(each.channel, each.filter): each for each in wishes}
    for key, row in there.items():
        if row.fixed and key not in wanted:
            _rows(site).filter(pk=row.pk).update(ended_at=now)
    for key, wish in wanted.items():
        values = {
            "fixed": True,
            "team": wish.team,
            "channel_name": wish.channel_name,
            "quiet": str(wish.quiet or ""),
            "minimum_age": wish.minimum_age,
        }
        if key not in there:
            try:
                with transaction.atomic():
                    _made(wish)
            except IntegrityError:
                continue  # another process is faster, or the next look tries again
        elif any(getattr(there[key], name) != value for name, value in values.items()):
            _rows(site).filter(pk=there[key].pk).update(**values)


def _rows(site: str) -> "QuerySet[StoredSubscription]":
    return StoredSubscription.objects.filter(site=site, ended_at=0)


def _made(wish: Subscription) -> StoredSubscription:
    numbers = StoredSubscription.objects.filter(site=wish.site).aggregate(Max("number"))
    return StoredSubscription.objects.create(
        site=wish.site,
        number=(numbers["number__max"] or 0) + 1,
        team=wish.team,
        channel=wish.channel,
        channel_name=wish.channel_name,
        filter=wish.filter,
        quiet=str(wish.quiet or ""),
        minimum_age=wish.minimum_age,
        maker=wish.made_by,
        made_at=wish.made_at,
        fixed=wish.fixed,
    )


def _read(row: StoredSubscription) -> Subscription:
    return Subscription(
        id=row.pk,
        number=row.number,
        site=row.site,
        team=row.team,
        channel=row.channel,
        channel_name=row.channel_name,
        filter=row.filter,
        quiet=parse_quiet_hours(row.quiet) if row.quiet else None,
        minimum_age=row.minimum_age,
        made_by=row.maker,
        made_at=row.made_at,
        fixed=row.fixed,
        problem=row.problem,
    )
