"""The silences that people made here, in the database."""

from collections.abc import Collection
from datetime import datetime, timedelta

from django.contrib.auth.models import User
from django.db.models import QuerySet

from ops.silences.models import OwnSilence
from ops.silences.rules import READ, warn_at
from ops.vocabulary import timerange
from ops.vocabulary.timerange import to_datetime

KEPT = timedelta(days=30)
MOST = 500


def made(site: str, key: str, user_id: int, matchers: str, since: int, until: int) -> int:
    """Record a silence from `since` to `until` (Unix nanoseconds); return its number."""
    OwnSilence.objects.filter(until__lt=to_datetime(since) - KEPT).delete()
    row = OwnSilence.objects.create(
        site=site, key=key, user_id=user_id, matchers=matchers, **_term(since, until)
    )
    return int(row.pk)


def extended(site: str, old: str, key: str, since: int, until: int) -> None:
    """Record that a silence, if it was made here, has another end and maybe another ID."""
    OwnSilence.objects.filter(site=site, key=old).update(key=key, **_term(since, until))


def ended(site: str, key: str, by: str, at: int) -> None:
    """Record that somebody ended a silence, if it was made here."""
    OwnSilence.objects.filter(site=site, key=key).update(until=to_datetime(at), ended_by=by)


def by_number(numbers: Collection[int]) -> list[OwnSilence]:
    """Return those of these silences that are known."""
    return list(_rows().filter(pk__in=numbers))


def in_force(site: str) -> list[OwnSilence]:
    """Return the silences of a site that have not ended, the next to end first."""
    found = _rows().filter(site=site, until__gt=_now(), ended_by="")
    return list(found.order_by("until")[:MOST])


def to_warn_of() -> list[OwnSilence]:
    """Return the silences whose end is to be warned of now, the next to end first.

    Those who may not see alerts any more are not warned.
    """
    now = _now()
    may_see = User.objects.with_perm(READ, backend="django.contrib.auth.backends.ModelBackend")
    found = _rows().filter(warn_at__lte=now, until__gt=now, ended_by="", user__in=may_see)
    return list(found.order_by("until")[:MOST])


def _rows() -> QuerySet[OwnSilence]:
    return OwnSilence.objects.select_related("user")


def _now() -> datetime:
    return to_datetime(timerange.now_ns())


def _term(since: int, until: int) -> dict[str, datetime]:
    warn = warn_at(since, until)
    return {
        "since": to_datetime(since),
        "warn_at": to_datetime(warn),
        "until": to_datetime(until),
    }
