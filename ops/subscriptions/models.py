from django.db import models
from django.db.models import Q

from ops.sites.subscriptions import LONGEST_FILTER


class StoredSubscription(models.Model):
    """A channel that is subscribed to a site's alerts; see ops.subscriptions.subscription.

    `number` counts those of a site from 1. Times are Unix nanoseconds; `ended_at` is 0 while it is
    in force, and a row stays when it has ended, so that its number is not used again. `quiet` is
    its quiet hours as they are written, "" for none. `team` is a Slack workspace's ID.
    """

    site = models.CharField(max_length=63)
    number = models.PositiveIntegerField()
    team = models.CharField(max_length=64, default="")
    channel = models.CharField(max_length=64)
    channel_name = models.CharField(max_length=80, default="")
    filter = models.CharField(max_length=LONGEST_FILTER, default="")
    quiet = models.CharField(max_length=80, default="")
    minimum_age = models.BigIntegerField(default=0)
    maker = models.CharField(max_length=150, default="")
    made_at = models.BigIntegerField()
    fixed = models.BooleanField(default=False)
    ended_at = models.BigIntegerField(default=0)
    ender = models.CharField(max_length=150, default="")
    problem = models.CharField(max_length=300, default="")

    class Meta:
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(fields=["site", "number"], name="subscription_number"),
            # Of two people who subscribe a channel at the same moment, one succeeds.
            models.UniqueConstraint(
                fields=["site", "channel", "filter"],
                condition=Q(ended_at=0),
                name="one_subscription_of_a_channel",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.site}: subscription {self.number} of {self.channel}"


class MentionedChannel(models.Model):
    """A channel in which the bot was mentioned, as Slack described it last.

    It is `shared` if another company's people can read it. `seen_at` is when a mention was stored
    last, Unix nanoseconds: what Slack says unchanged is stored once a day.
    """

    channel = models.CharField(max_length=64)
    team = models.CharField(max_length=64, default="")
    shared = models.BooleanField()
    seen_at = models.BigIntegerField()

    class Meta:
        default_permissions = ()
        constraints = [models.UniqueConstraint(fields=["channel"], name="mentioned_channel")]

    def __str__(self) -> str:
        return self.channel
