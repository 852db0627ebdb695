"""When tokens were used, as periods: written by the gRPC door, read for the time line."""

from collections.abc import Collection
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction

from ops.database import in_database
from ops.overview.signins import SignIn
from ops.rpc.models import Token, TokenUse
from ops.vocabulary import timerange

PAUSE = timedelta(minutes=10)  # a use that comes later than this begins a new period
PRUNED = 200  # periods deleted at most whenever one begins


def record(tokens: Collection[int], now: datetime) -> None:
    """Write that the tokens with these primary keys were used now, in one transaction."""
    with transaction.atomic():
        # Locked in one order, so that two processes begin one period, not two, and none waits
        # for ever. A token may have been deleted meanwhile.
        rows = Token.objects.select_for_update().filter(pk__in=tokens).order_by("pk")
        used = [*rows.values_list("pk", flat=True)]
        Token.objects.filter(pk__in=used).update(last_used=now)
        lasting = TokenUse.objects.filter(token__in=used, end__gte=now - PAUSE)
        extended = {*lasting.values_list("token", flat=True)}
        lasting.update(end=now)
        if new := [TokenUse(token_id=pk, start=now, end=now) for pk in used if pk not in extended]:
            TokenUse.objects.bulk_create(new)
            _prune(now)


def _prune(now: datetime) -> None:
    old = TokenUse.objects.filter(end__lt=now - timedelta(days=settings.HISTORY_DAYS))
    # What another process is deleting is not waited for.
    slice_of_it = old.select_for_update(skip_locked=True).order_by("end")[:PRUNED]
    if pks := [*slice_of_it.values_list("pk", flat=True)]:
        TokenUse.objects.filter(pk__in=pks).delete()


async def periods(start: int, end: int, person: str, most: int) -> tuple[SignIn, ...]:
    """Return the newest periods between start and end (Unix nanoseconds), a person's if given."""
    return await in_database(_read, start, end, person, most)


def _read(start: int, end: int, person: str, most: int) -> tuple[SignIn, ...]:
    rows = TokenUse.objects.filter(
        end__gte=timerange.to_datetime(start), start__lte=timerange.to_datetime(end)
    )
    if person:
        rows = rows.filter(token__user__username=person)
    return tuple(
        SignIn(
            timerange.from_datetime(row.start),
            timerange.from_datetime(row.end),
            row.token.user.get_username(),
            f"{row.token.beginning}…{f' ({row.token.name})' if row.token.name else ''}",
        )
        for row in rows.select_related("token__user").order_by("-end")[:most]
    )
