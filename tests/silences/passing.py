"""Time that goes by for the silences that were made here."""

from datetime import timedelta

from bot.models import SilenceMessage
from ops.backends.clients import close_clients
from ops.database import in_database
from ops.silences.models import OwnSilence
from ops.vocabulary import timerange
from tests.silences.conftest import Cluster


async def time_passes(cluster: Cluster, **by: float) -> None:
    """Move the past away, for silences here and in Alertmanager, and for the bot."""
    passed = timedelta(**by)

    def move() -> None:
        for each in OwnSilence.objects.all():
            moved = (at - passed for at in (each.since, each.warn_at, each.until))
            each.since, each.warn_at, each.until = moved
            each.save()
        for shown in SilenceMessage.objects.all():
            SilenceMessage.objects.filter(pk=shown.pk).update(due=shown.due - passed)

    nanoseconds = passed // timedelta(microseconds=1) * timerange.MICROSECOND
    for silence in cluster.first.silences:
        for name in ("startsAt", "endsAt"):
            at = timerange.parse_moment(silence[name]).nanoseconds
            silence[name] = timerange.format_moment(at - nanoseconds)
    await in_database(move)
    await close_clients()  # and what they have read
