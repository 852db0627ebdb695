"""Who has which alert: acknowledgements in our own database.

Whether one is over is computed with the clock by everybody who reads it; the watcher writes it
down, as it does when an alert has resolved (ops.alerts.held). Call these functions in
ops.database.in_database.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from itertools import islice

from django.contrib.auth.models import User
from django.db import IntegrityError, transaction
from django.db.models import Q, QuerySet

from ops.alerts.models import LONGEST_NAME, HeldAlert, stored_name
from ops.errors import Conflict, InvalidInput, NotFound, did_you_mean
from ops.rights import rights_as_read
from ops.vocabulary import timerange
from ops.vocabulary.acknowledgements import (
    GIVEN_BACK,
    HANDED_OVER,
    OVER,
    Acknowledgement,
    Holding,
)

ACKNOWLEDGE = "alerts.acknowledge"
MOST = 500  # that are listed at once
JUST_NOW = 10 * timerange.SECOND


@dataclass(frozen=True, slots=True)
class Held:
    """What somebody has: an alert or, without a fingerprint, all of the name."""

    site: str
    name: str
    fingerprint: str = ""

    def __str__(self) -> str:
        return self.name if self.fingerprint else f"all {self.name} alerts"

    @property
    def rows(self) -> "QuerySet[HeldAlert]":
        return HeldAlert.objects.filter(
            site=self.site, name=stored_name(self.name), fingerprint=self.fingerprint
        )


@dataclass(frozen=True, slots=True)
class Person:
    """A user: the primary key and the name."""

    id: int | None
    name: str


def holding(site: str, now: int) -> Holding:
    """Return who has which alerts of a site now (Unix nanoseconds)."""
    rows = HeldAlert.objects.filter(site=site, end=None)
    return Holding.of_all(as_read(row, now) for row in rows.order_by("pk"))


def of_alert(site: str, name: str, fingerprint: str, now: int) -> tuple[Acknowledgement, ...]:
    """Return who had an alert, alone or with all of its name, the newest first."""
    rows = HeldAlert.objects.filter(
        site=site, name=stored_name(name), fingerprint__in=("", fingerprint)
    )
    return tuple(as_read(row, now) for row in rows.order_by("-start", "-pk")[:MOST])


def between(
    site: str, start: int, end: int, now: int, service: str = ""
) -> tuple[Acknowledgement, ...]:
    """Return the newest MOST that were in force at any time from start to end, newest first."""
    rows = HeldAlert.objects.filter(Q(end=None) | Q(end__gte=start), site=site, start__lte=end)
    # Services are filtered here, because SQLite cannot look into lists.
    every = (as_read(row, now) for row in rows.order_by("-start", "-pk").iterator(MOST))
    theirs = (
        each
        for each in every
        if each.overlaps(start, end) and (not service or service in each.services)
    )
    return tuple(islice(theirs, MOST))


def take(
    what: Held,
    person: Person,
    *,
    until: int | None,
    note: str | None,
    services: Collection[str],
    now: int,
) -> Acknowledgement:
    """Let a person have an alert from now on; raises Conflict if somebody else has it.

    If the person has it already, its end and note change, unless they are None.
    """
    with transaction.atomic():
        before = _in_force(what, now)
        if before is None:
            try:
                return _made(what, person, until or 0, note or "", services, now)
            except IntegrityError:  # somebody was faster
                before = _in_force(what, now)
        if before is None:
            raise Conflict(f"somebody else had {what} just now; try again")
        if before.user_id is None or before.user_id != person.id:
            raise Conflict(_has_it(before, what, now))
        before.until = before.until if until is None else until
        before.note = before.note if note is None else note
        before.save(update_fields=["until", "note"])
        return as_read(before, now)


def hand_over(what: Held, giver: Person, *, to: str, note: str, now: int) -> Acknowledgement:
    """Let the user called `to` have what somebody has, for as long as they would have had it."""
    receiver = _may_have(to)
    with transaction.atomic():
        before = _needed(what, now)
        if before.user_id == receiver.id:
            raise Conflict(_has_it(before, what, now))
        _end(before, HANDED_OVER, now)
        given_by = giver.name if giver.id != receiver.id else ""
        services, kept = before.services, note or before.note
        return _made(what, receiver, before.until, kept, services, now, given_by)


def give_back(what: Held, person: Person, now: int) -> Acknowledgement:
    """Let nobody have it any more; raises Conflict if the person does not have it."""
    with transaction.atomic():
        before = _needed(what, now)
        if before.user_id is None or before.user_id != person.id:
            raise Conflict(
                f"{before.person} has {what}, so only they can give it back; you can take it over"
            )
        _end(before, GIVEN_BACK, now)
        return as_read(before, now)


def people() -> tuple[str, ...]:
    """Return the names of the users who may have an alert."""
    found = User.objects.with_perm(ACKNOWLEDGE, backend="django.contrib.auth.backends.ModelBackend")
    return tuple(found.order_by("username").values_list("username", flat=True)[:MOST])


def _in_force(what: Held, now: int) -> HeldAlert | None:
    """Return the row that is in force; one whose time is over is ended.

    Others who change it wait, so that it cannot end before it is changed here.
    """
    row = what.rows.select_for_update().filter(end=None).first()
    if row and row.is_over(now):
        row.end, row.why = row.until, OVER
        row.save(update_fields=["end", "why"])
        return None
    return row


def _needed(what: Held, now: int) -> HeldAlert:
    found = _in_force(what, now)
    if found is None:
        raise Conflict(f"nobody has {what}")
    return found


def _made(
    what: Held,
    person: Person,
    until: int,
    note: str,
    services: Iterable[str],
    now: int,
    given_by: str = "",
) -> Acknowledgement:
    with transaction.atomic():
        row = HeldAlert.objects.create(
            site=what.site,
            name=stored_name(what.name),
            fingerprint=what.fingerprint,
            user_id=person.id,
            person=person.name,
            given_by=given_by,
            services=list(services),
            note=note,
            start=now,
            until=until,
        )
    return as_read(row, now)


def _end(row: HeldAlert, why: str, now: int) -> None:
    """End it, once; raises Conflict if somebody else has just done so."""
    row.end, row.why = max(now, row.start), why
    if not HeldAlert.objects.filter(pk=row.pk, end=None).update(end=row.end, why=why):
        raise Conflict(f"{row.name} has just changed hands; look again")


def _may_have(name: str) -> Person:
    user = User.objects.filter(username=name).first()
    if user is not None:
        rights = rights_as_read(user)
        if rights.active and ACKNOWLEDGE in rights.permissions:
            return Person(user.pk, rights.name)
    raise NotFound(
        f'nobody called "{name[:80]}" may acknowledge alerts{did_you_mean(name, people())}'
    )


def check_name(name: str) -> None:
    """Raise InvalidInput for a name of which all alerts cannot be had together."""
    if name == stored_name(name):
        return
    what = (
        f"more than {LONGEST_NAME} characters" if len(name) > LONGEST_NAME else "a null character"
    )
    raise InvalidInput(f"the name has {what}; acknowledge its alerts one by one")


def _has_it(row: HeldAlert, what: Held, now: int) -> str:
    lasts = now - row.start
    if lasts < JUST_NOW:
        return f"{row.person} has {what} since just now"
    return f"{row.person} has {what}, for {timerange.format_duration(lasts)} now"


def as_read(row: HeldAlert, now: int) -> Acknowledgement:
    """Return what a row says now; one whose time is over has ended then."""
    is_over = row.end is None and row.is_over(now)
    return Acknowledgement(
        id=row.pk,
        site=row.site,
        name=row.name,
        fingerprint=row.fingerprint,
        person=row.person,
        user_id=row.user_id,
        since=row.start,
        until=row.until,
        note=row.note,
        ended=row.until if is_over else row.end or 0,
        end=OVER if is_over else row.why,
        given_by=row.given_by,
        services=tuple(row.services),
    )
