from django.conf import settings
from django.db import models


class Identity(models.Model):
    """A Slack user who is a person here. One person may have several."""

    slack_user_id = models.CharField("Slack user id", max_length=32)
    slack_team_id = models.CharField("Slack workspace id", max_length=32)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.CASCADE, related_name="slack_identities"
    )
    created = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name = "Slack identity"
        verbose_name_plural = "Slack identities"
        constraints = [
            models.UniqueConstraint(
                fields=["slack_team_id", "slack_user_id"], name="one_person_a_slack_user"
            )
        ]

    def __str__(self) -> str:
        return f"{self.slack_team_id}/{self.slack_user_id}"
