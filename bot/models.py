import uuid

from django.conf import settings
from django.db import models


class State(models.TextChoices):
    """How far an event is.

    While it is `posting` some of its answer may be in Slack; where that is so it is never
    answered again. `unknown` are those whose answer may stand there or not.
    """

    RECORDED = "recorded"
    WORKING = "working"
    POSTING = "posting"
    ANSWERED = "answered"
    FAILED = "failed"
    UNKNOWN = "unknown"
    ASKED = "asked"


LOST_PLACE = "lost"


class ReceivedEvent(models.Model):
    """A message to the bot, known to all its processes by event id and by channel and ts.

    `holder` is the process that answers it, "" for none; when `lease_until` has passed another
    one may. `takeovers` tells how often one has, from a process that was gone.
    `payload` is the event's JSON as far as an answer needs it, "" once there is one;
    `placeholder` the ts of the message that the answer will replace, "" for none, LOST_PLACE
    when one may stand there whose ts is not known. `thread` is the ts of the message that the
    thread hangs on, its own outside of one.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    event_id = models.CharField(max_length=64, unique=True)
    channel = models.CharField(max_length=64)
    ts = models.CharField(max_length=64)
    thread = models.CharField(max_length=64, default="", db_default="")
    team = models.CharField(max_length=64)
    kind = models.CharField(max_length=64)
    payload = models.TextField()
    placeholder = models.CharField(max_length=64, default="", db_default="")
    state = models.CharField(max_length=16, choices=State.choices, default=State.RECORDED)
    holder = models.CharField(max_length=64)
    lease_until = models.DateTimeField()
    takeovers = models.PositiveSmallIntegerField(default=0, db_default=0)
    received = models.DateTimeField(db_index=True)
    finished = models.DateTimeField(null=True)

    class Meta:
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(fields=["channel", "ts"], name="one_event_a_message")
        ]
        indexes = [models.Index(fields=["state", "lease_until"], name="abandoned_events")]


class BotProcess(models.Model):
    """A bot, as it was when it was last `seen`; `stopped` is None while it runs, or was killed.

    `failure` is what it ended with, a sentence without its full stop, "" where it was told to.
    It has `sockets` connections to Slack open, on `reached` of them Slack reaches it, and
    `heard` is when it did so last. `strays` are connections of other programs that Slack
    counted then, at `counted`. `full` is when it last turned somebody away.
    """

    name = models.CharField(max_length=64, primary_key=True)
    workspace = models.CharField(max_length=200, default="", db_default="")
    sockets = models.PositiveSmallIntegerField()
    reached = models.PositiveSmallIntegerField(default=0, db_default=0)
    heard = models.DateTimeField(null=True)
    strays = models.PositiveSmallIntegerField(default=0, db_default=0)
    counted = models.DateTimeField(null=True)
    waiting = models.PositiveIntegerField(default=0, db_default=0)
    full = models.DateTimeField(null=True)
    seen = models.DateTimeField()
    stopped = models.DateTimeField(null=True)
    failure = models.TextField(default="", db_default="")

    class Meta:
        default_permissions = ()


class ChangedUser(models.Model):
    """A Slack user of whose change Slack has told one of the bot's processes, last at `at`."""

    slack_user = models.CharField(max_length=64, primary_key=True)
    at = models.DateTimeField(db_index=True)

    class Meta:
        default_permissions = ()


class Pace(models.Model):
    """Until when the messages that a channel may get are used up; see bot.slack.pace.

    `key` is a channel's id, or another limit's name; `until` is in seconds since 1970.
    """

    key = models.CharField(max_length=64, primary_key=True)
    until = models.FloatField()

    class Meta:
        default_permissions = ()


class CardState(models.TextChoices):
    """What became of a card. `applying` is the claim: only one process ever makes it.

    `applied` was made, everywhere or not; `failed` was refused; `unknown` may have been made.
    """

    OPEN = "open"
    APPLYING = "applying"
    APPLIED = "applied"
    FAILED = "failed"
    CANCELLED = "cancelled"
    EXPIRED = "expired"
    UNKNOWN = "unknown"


class ChangeCard(models.Model):
    """A change of sampling that somebody asked for, and that is made once somebody says so.

    `previous` is a summary for people, `instances` how many there are to tell. `channel` and
    `ts` are the message that shows it, "" where none does. `asked_by` is None once that person is
    deleted. `decided_by` applied or cancelled it, "" where it was cancelled as they are.
    `result` is what that led to, as bot.cards writes it; `shown` the state that the message
    shows, which was last seen to at `tended`.
    """

    key = models.CharField(max_length=16, primary_key=True)
    state = models.CharField(max_length=16, choices=CardState.choices, default=CardState.OPEN)
    site = models.CharField(max_length=63)
    service = models.CharField(max_length=63)
    previous = models.CharField(max_length=255)
    strategy = models.CharField(max_length=8)
    rate = models.FloatField()
    instances = models.PositiveIntegerField()
    asked_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+"
    )
    asker = models.CharField(max_length=150)
    asked_at = models.DateTimeField()
    expires = models.DateTimeField()
    channel = models.CharField(max_length=64, default="")
    ts = models.CharField(max_length=64, default="")
    decided_by = models.CharField(max_length=150, default="")
    decided_at = models.DateTimeField(null=True)
    result = models.TextField(default="")
    shown = models.CharField(max_length=16, choices=CardState.choices, default=CardState.OPEN)
    tended = models.DateTimeField()

    class Meta:
        default_permissions = ()
        indexes = [models.Index(fields=["state", "expires"], name="cards_to_tend")]

    def __str__(self) -> str:
        return f"{self.key}: {self.site}/{self.service}, {self.state}"
