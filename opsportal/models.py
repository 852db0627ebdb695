from django.conf import settings
from django.db import models


class RecentSearch(models.Model):
    """A line that a person searched traces by, on a site; the newest has the latest `at`."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE)
    site = models.CharField(max_length=63)
    line = models.CharField(max_length=2_000)
    at = models.DateTimeField()

    class Meta:
        default_permissions = ()
        indexes = [models.Index(fields=["user", "site", "-at"])]

    def __str__(self) -> str:
        return self.line
