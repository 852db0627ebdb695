from django.db import models
from django.db.models import Q


class Incidents(models.Model):
    """No table; this model only carries the permissions."""

    class Meta:
        managed = False
        default_permissions = ()
        permissions = [
            ("view_incidents", "Can see incidents"),
            ("work", "Can open, write in and close incidents"),
        ]


class StoredIncident(models.Model):
    """An incident; times are Unix nanoseconds.

    `number` counts those of a site from 1. `begins` is when what it is about began, as far as that
    was known when it was opened. It was opened from the alert, group of alerts or trace `origin`
    ("" for none), of the kind `origin_kind`. `closed_at` is 0 while it is open. `team`, `channel`
    and `thread` are its thread in Slack, "" for none. `offered` is since when all was quiet when
    the thread was last asked whether to close it, 0 for never.
    """

    site = models.CharField(max_length=63)
    number = models.PositiveIntegerField()
    title = models.CharField(max_length=200)
    services = models.JSONField(default=list)
    begins = models.BigIntegerField()
    origin_kind = models.CharField(max_length=16, default="")
    origin = models.CharField(max_length=200, default="")
    opened_at = models.BigIntegerField()
    opener = models.CharField(max_length=150)
    door = models.CharField(max_length=16)
    closed_at = models.BigIntegerField(default=0)
    closer = models.CharField(max_length=150, default="")
    team = models.CharField(max_length=64, default="")
    channel = models.CharField(max_length=64, default="")
    thread = models.CharField(max_length=64, default="")
    offered = models.BigIntegerField(default=0)

    class Meta:
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(fields=["site", "number"], name="incident_number"),
            # Of two people who open one for the same alert at the same moment, one succeeds.
            models.UniqueConstraint(
                fields=["site", "origin_kind", "origin"],
                condition=Q(closed_at=0) & ~Q(origin=""),
                name="one_open_incident_of_an_origin",
            ),
            models.UniqueConstraint(
                fields=["channel", "thread"],
                condition=Q(closed_at=0) & ~Q(thread=""),
                name="one_open_incident_of_a_thread",
            ),
        ]
        indexes = [
            models.Index(fields=["site", "closed_at"], name="incidents_by_end"),
            models.Index(fields=["channel", "thread"], name="incidents_of_threads"),
        ]

    def __str__(self) -> str:
        return f"{self.site}: incident {self.number}, {self.title}"


class StoredEntry(models.Model):
    """What somebody wrote or did in an incident `at` a moment (Unix nanoseconds).

    `kind` is one of ops.incidents.facts.EntryKind, `text` a note, or the ID of a pinned trace.
    """

    incident = models.ForeignKey(StoredIncident, models.CASCADE, related_name="entries")
    at = models.BigIntegerField()
    kind = models.CharField(max_length=16)
    text = models.TextField(default="")
    author = models.CharField(max_length=150)
    door = models.CharField(max_length=16)

    class Meta:
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(
                fields=["incident", "text"],
                condition=Q(kind="pinned"),
                name="one_pin_of_a_trace",
            ),
        ]
        indexes = [models.Index(fields=["incident", "at"], name="entries_of_an_incident")]

    def __str__(self) -> str:
        return f"{self.incident_id}: {self.kind} by {self.author}"
