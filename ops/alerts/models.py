from django.conf import settings
from django.db import models
from django.db.models import Q

from ops.watch.periods import Period, stored

LONGEST_NAME = 200  # characters: PostgreSQL refuses index entries of a few thousand bytes


def stored_name(name: str) -> str:
    """Return an alert's name as the database takes it."""
    return stored(name)[:LONGEST_NAME]


class Alerts(models.Model):
    """No table; this model only carries the permissions."""

    class Meta:
        managed = False
        default_permissions = ()
        permissions = [
            ("view_alerts", "Can see alerts"),
            ("silence", "Can silence alerts"),
            ("acknowledge", "Can acknowledge alerts"),
            ("subscribe", "Can subscribe channels to alerts"),
        ]


class AlertPeriod(Period):
    """A time during which an alert was in one state; `key` is its fingerprint.

    `state` is "firing" or "pending", `active_at` the source's own start (Unix nanoseconds, 0 if
    unknown). `annotations` are those at the period's start, `sources` those that reported it.
    """

    name = models.CharField(max_length=LONGEST_NAME)
    group = models.TextField()
    labels = models.JSONField()
    annotations = models.JSONField()
    sources = models.JSONField()
    active_at = models.BigIntegerField()

    class Meta(Period.Meta):
        indexes = [
            *Period.indexes("alert"),
            # Strips and the latest changes are read from these alone.
            models.Index(fields=["site", "name", "end", "start", "state"], name="alert_by_name"),
            models.Index(fields=["site", "start"], name="alert_by_start"),
        ]


class RulePeriod(Period):
    """A time during which a rule could not be evaluated, or flooded (see ops.alerts.flooding).

    `key` is a digest of source and rule; of one that floods, the state, its group and its name.
    """

    BROKEN, FLOODING = "broken", "flooding"

    name = models.TextField()
    group = models.TextField()
    source = models.CharField(max_length=63)
    error = models.TextField()

    class Meta(Period.Meta):
        indexes = [
            *Period.indexes("rule"),
            models.Index(fields=["site", "start"], name="rule_by_start"),
        ]


class HeldAlert(models.Model):
    """Somebody has an alert, or all alerts of a name; see ops.vocabulary.acknowledgements.

    `fingerprint` is "" for all of the name. `end` is None while it is in force, or if its time
    (`until`, 0 for none) is over and nobody has written that yet; `why` says how it ended. Of two
    people who press at once, the database accepts one.
    """

    site = models.CharField(max_length=63)
    name = models.CharField(max_length=LONGEST_NAME)
    fingerprint = models.CharField(max_length=20)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")
    person = models.CharField(max_length=150)
    given_by = models.CharField(max_length=150)
    services = models.JSONField()
    note = models.CharField(max_length=300)
    start = models.BigIntegerField()
    until = models.BigIntegerField()
    end = models.BigIntegerField(null=True)
    why = models.CharField(max_length=16)

    class Meta:
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(
                fields=["site", "name", "fingerprint"],
                condition=Q(end=None),
                name="alert_held_once",
            )
        ]
        indexes = [
            models.Index(fields=["site", "end"], name="alert_held_by_end"),
            models.Index(fields=["site", "start"], name="alert_held_by_start"),
        ]

    def __str__(self) -> str:
        return f"{self.site}: {self.person} has {self.name} {self.fingerprint}"

    def is_over(self, now: int) -> bool:
        """Return whether its time is over at a moment (Unix nanoseconds), written or not."""
        return 0 < self.until <= now
