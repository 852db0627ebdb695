from django.conf import settings
from django.db import models

from ops.accounts.account import SlackAccount

NAME = 80


class SlackUser(models.Model):
    """What links and codes store about a Slack user; the names are as Slack gave them then."""

    slack_user_id = models.CharField("Slack user id", max_length=32)
    slack_team_id = models.CharField("Slack workspace id", max_length=32)
    name = models.CharField(
        "Slack name", max_length=NAME, blank=True, editable=False, default="", db_default=""
    )
    workspace = models.CharField(
        "Slack workspace", max_length=NAME, blank=True, editable=False, default="", db_default=""
    )

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return self.account.key

    @property
    def account(self) -> SlackAccount:
        return SlackAccount(self.slack_team_id, self.slack_user_id, self.name, self.workspace)


class Identity(SlackUser):
    """A link between a Slack user and a user here, who may have several."""

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.CASCADE, related_name="slack_identities"
    )
    created = models.DateTimeField(auto_now_add=True)

    class Meta:
        db_table = "bot_identity"  # the app that first created the table
        verbose_name = "Slack identity"
        verbose_name_plural = "Slack identities"
        constraints = [
            models.UniqueConstraint(
                fields=["slack_team_id", "slack_user_id"], name="one_person_a_slack_user"
            )
        ]


class LinkCode(SlackUser):
    """A code that the bot gave to a Slack user, one at a time; only its HMAC is stored."""

    digest = models.CharField(max_length=64, unique=True)
    made = models.DateTimeField(db_index=True)

    class Meta:
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(
                fields=["slack_team_id", "slack_user_id"], name="one_code_a_slack_user"
            )
        ]


class LinkAttempt(models.Model):
    """A wrong code that a user entered."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
    at = models.DateTimeField()

    class Meta:
        default_permissions = ()
        indexes = [models.Index(fields=["user", "at"], name="attempts_of_a_person")]

    def __str__(self) -> str:
        return f"{self.user} at {self.at}"
