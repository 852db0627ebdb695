import uuid

from django.db import models

from ops.leases import Leased


class State(models.TextChoices):
    """How far the answer to an event has come; `bot.slack.event_store` draws the transitions.

    While it is `posting`, part of the answer may already be in Slack; if so, the event is never
    answered again. `unknown` means that the answer may or may not be in Slack. `asked` means
    that the bot asked whether to repeat a change.
    """

    RECORDED = "recorded"
    WORKING = "working"
    POSTING = "posting"
    ANSWERED = "answered"
    FAILED = "failed"
    UNKNOWN = "unknown"
    ASKED = "asked"


LOST_PLACE = "lost"


class ReceivedEvent(Leased):
    """A message to the bot, shared by all bot processes; unique by event ID and channel and ts.

    `holder` is the process that answers it, "" for none; another process may take over after
    `lease_until`. `takeovers` counts how often that happened because a process was gone.
    `payload` is the part of the event's JSON that an answer needs, "" once answered.
    `placeholder` is the ts of the message that the answer will replace, "" for none, LOST_PLACE
    if one may have been posted but its ts is unknown. `thread` is the ts of the thread's first
    message, or the event's own ts outside a thread.
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
    """A bot process, as of `seen`; `stopped` is None while it runs or if it was killed.

    `failure` is the error that ended it, a sentence without its full stop, "" after a normal
    stop. It has `sockets` open connections to Slack, of which `reached` work; `heard` is when
    Slack was last heard from. `strays` is the number of connections of other programs that
    Slack counted at `counted`. `full` is when the bot last skipped a message for lack of room,
    `limited` when Slack last said that it drops some. `trusts` says whose members may use it if
    they are more than one workspace's.
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
    limited = models.DateTimeField(null=True)
    trusts = models.CharField(max_length=200, default="", db_default="")
    seen = models.DateTimeField()
    stopped = models.DateTimeField(null=True)
    failure = models.TextField(default="", db_default="")

    class Meta:
        default_permissions = ()


class ChangedUser(models.Model):
    """A Slack user whose change Slack reported to one of the bot processes, last at `at`."""

    slack_user = models.CharField(max_length=64, primary_key=True)
    at = models.DateTimeField(db_index=True)

    class Meta:
        default_permissions = ()


class Pace(models.Model):
    """The time until which a rate limit is used up; see bot.slack.rate_limit.

    `key` is a channel's ID or the name of another limit; `until` is in seconds since 1970.
    """

    key = models.CharField(max_length=64, primary_key=True)
    until = models.FloatField()

    class Meta:
        default_permissions = ()


class Conversation(models.Model):
    """What a thread is about, for follow-ups, as JSON of bot.follow_ups.About; last at `updated`.

    `thread` is the ts of its first message, "" for direct messages outside threads.
    """

    channel = models.CharField(max_length=64)
    thread = models.CharField(max_length=64)
    about = models.TextField()
    updated = models.DateTimeField(db_index=True)

    class Meta:
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(fields=["channel", "thread"], name="one_conversation_a_thread")
        ]


class Card(Leased):
    """The message that shows a request for a change; `key` is the request's.

    `channel` and `ts` are the message, `thread` is the ts of its thread's first message, "" for
    none, `shown` is the state of the request that it shows. The lease is held by the bot process
    that updates it.
    """

    key = models.CharField(max_length=16, primary_key=True)
    channel = models.CharField(max_length=64)
    thread = models.CharField(max_length=64, default="", db_default="")
    ts = models.CharField(max_length=64)
    shown = models.CharField(max_length=16)

    class Meta:
        default_permissions = ()
        indexes = [models.Index(fields=["shown", "lease_until"], name="cards_to_update")]

    def __str__(self) -> str:
        return f"{self.key}: {self.shown}"


class EndingMessage(Leased):
    """The message in Slack that shows something that ends, such as a timed change.

    `channel` and `ts` are the message, `ts` "" if it is unknown; `thread` is the ts of the thread
    in which the end is announced, "" for none. `due` is when to look at it next. The lease is held
    by the bot process that does so.
    """

    class Said(models.TextChoices):
        """What has been said of the end."""

        NOTHING = ""
        WARNED = "warned"
        ENDED = "ended"

    channel = models.CharField(max_length=64)
    thread = models.CharField(max_length=64)
    ts = models.CharField(max_length=64)
    due = models.DateTimeField()
    said = models.CharField(max_length=16, choices=Said, default=Said.NOTHING)

    class Meta:
        abstract = True
        default_permissions = ()

    def __str__(self) -> str:
        return f"{self.pk}: {self.said or 'nothing said'}"


class TimedMessage(EndingMessage):
    """The message that shows a timed change of sampling; `revision` is the change's."""

    revision = models.BigIntegerField(primary_key=True)

    class Meta(EndingMessage.Meta):
        abstract = False
        indexes = [models.Index(fields=["said", "due"], name="timed_messages_due")]


class SilenceMessage(EndingMessage):
    """The message that shows a silence; `silence` is the number of the one that was made here."""

    silence = models.BigIntegerField(primary_key=True)

    class Meta(EndingMessage.Meta):
        abstract = False
        indexes = [models.Index(fields=["said", "due"], name="silence_messages_due")]


class AlertMessage(Leased):
    """A message about alerts in a subscribed channel, unique by subscription and key.

    `number` counts the messages of a subscription, see bot.slack.alert_store; in a thread it is
    None, and `parent` is the key of the thread's first message. `ts` is "" until it is known.
    `shown` is a digest of what it shows, `state` the state of its alerts that it shows, and
    `groups` are those that it shows. `again` says why it was posted a second time. `at` is when it
    was claimed (Unix nanoseconds), `changed` when it was last posted or edited. What is `final`
    is left as it is. The lease is held by the bot process that posts or edits it.
    """

    class Step(models.TextChoices):
        """How far posting it has come; what is LOST may be in Slack or not."""

        POSTING = "posting"
        POSTED = "posted"
        LOST = "lost"
        DELETED = "deleted"
        GIVEN_UP = "given up"

    class Again(models.TextChoices):
        """Why it was posted again: somebody had deleted it, or Slack had not confirmed it."""

        NO = ""
        DELETED = "deleted"
        LOST = "lost"

    subscription = models.BigIntegerField()
    key = models.CharField(max_length=128)
    number = models.PositiveIntegerField(null=True)
    parent = models.CharField(max_length=64, default="", db_default="")
    channel = models.CharField(max_length=64)
    ts = models.CharField(max_length=64, default="", db_default="")
    step = models.CharField(max_length=16, choices=Step)
    again = models.CharField(max_length=16, choices=Again, default=Again.NO, db_default="")
    shown = models.CharField(max_length=32)
    state = models.CharField(max_length=32)
    groups = models.JSONField()
    at = models.BigIntegerField()
    final = models.BooleanField(default=False, db_default=False)
    changed = models.DateTimeField(db_index=True)

    class Meta:
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(fields=["subscription", "key"], name="one_message_a_key"),
            models.UniqueConstraint(fields=["subscription", "number"], name="one_message_a_number"),
        ]
        indexes = [models.Index(fields=["final", "subscription"], name="alert_messages_open")]

    def __str__(self) -> str:
        return f"{self.key} of subscription {self.subscription}: {self.step}"


class HandOverMessage(models.Model):
    """Somebody was notified of a hand-over; `acknowledgement` is the new one's ID.

    It is recorded right before the call, so that nobody is notified twice.
    """

    acknowledgement = models.BigIntegerField()
    user = models.BigIntegerField()
    at = models.DateTimeField(db_index=True)

    class Meta:
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(
                fields=["acknowledgement", "user"], name="one_message_a_hand_over"
            )
        ]

    def __str__(self) -> str:
        return f"acknowledgement {self.acknowledgement}: user {self.user}"


class ClosedChannel(models.Model):
    """A subscribed channel that takes no messages: why, in Slack's word, since and until when.

    It is tried again at `again`.
    """

    channel = models.CharField(max_length=64, primary_key=True)
    error = models.CharField(max_length=64)
    since = models.DateTimeField()
    again = models.DateTimeField()

    class Meta:
        default_permissions = ()
