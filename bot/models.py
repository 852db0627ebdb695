import uuid

from django.db import models


class State(models.TextChoices):
    """How far an event is. From `posting` on it is never answered again.

    `unknown` are those whose answer may stand in Slack or not.
    """

    RECORDED = "recorded"
    WORKING = "working"
    POSTING = "posting"
    ANSWERED = "answered"
    FAILED = "failed"
    UNKNOWN = "unknown"
    ASKED = "asked"


class ReceivedEvent(models.Model):
    """A message to the bot, known to all its processes by event id and by channel and ts.

    `holder` is the process that answers it; when `lease_until` has passed another one may.
    `payload` is the event's JSON as far as an answer needs it, "" once there is one;
    `placeholder` the ts of the message that the answer will replace, "" for none.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    event_id = models.CharField(max_length=64, unique=True)
    channel = models.CharField(max_length=64)
    ts = models.CharField(max_length=64)
    team = models.CharField(max_length=64)
    kind = models.CharField(max_length=64)
    payload = models.TextField()
    placeholder = models.CharField(max_length=64, default="")
    state = models.CharField(max_length=16, choices=State.choices, default=State.RECORDED)
    holder = models.CharField(max_length=64)
    lease_until = models.DateTimeField()
    received = models.DateTimeField(db_index=True)
    finished = models.DateTimeField(null=True)

    class Meta:
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(fields=["channel", "ts"], name="one_event_a_message")
        ]
        indexes = [models.Index(fields=["state", "lease_until"], name="abandoned_events")]


class BotProcess(models.Model):
    """A running bot, and how many connections to Slack it has open."""

    name = models.CharField(max_length=64, primary_key=True)
    sockets = models.PositiveSmallIntegerField()
    seen = models.DateTimeField()

    class Meta:
        default_permissions = ()


class Pace(models.Model):
    """Until when the messages that a channel may get are used up; see bot.pace.

    `key` is a channel's id, or another limit's name; `until` is in seconds since 1970.
    """

    key = models.CharField(max_length=64, primary_key=True)
    until = models.FloatField()

    class Meta:
        default_permissions = ()
